/** What a page author would write: Pyodide as it is published, and the wheel installed into it. */
addEventListener("message", async ({ data: wheel }) => {
  try {
    const { loadPyodide } = await import("/runtime/stock/pyodide.mjs");
    const python = await loadPyodide({
      indexURL: new URL("/runtime/stock/", location.href).href,
    });
    await python.loadPackage(wheel);
    postMessage({});
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
