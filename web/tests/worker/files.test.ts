/** A file of a start that arrives otherwise than it was built, in browsers that tell much of it and in those that tell little. */
import { afterEach, describe, expect, it, vi } from "vitest";

const NAME = "runtime/x/pyodide.mjs";
const RUNTIME = {
  index: "runtime/x/",
  lock: "",
  archive: "",
  packages: {},
  files: { [NAME]: { sha256: "", bytes: 700 } },
};
const PAGE = "https://page.example";

vi.mock("../../src/worker/build", () => ({ FOLDER: `${PAGE}/assets/`, RUNTIME }));

/** What a start hears once the browser has told `arrival` of its file: a reason, or "whole" if it goes on waiting. */
async function told(arrival: object, { page = PAGE, isThere = false } = {}): Promise<string> {
  vi.stubGlobal("location", { origin: page });
  const again = (): Promise<Response> =>
    isThere ? Promise.resolve(new Response("…")) : Promise.reject(new TypeError("Failed to fetch"));
  vi.stubGlobal("fetch", vi.fn(again));
  vi.stubGlobal(
    "PerformanceObserver",
    class {
      constructor(private readonly heard: (list: { getEntries: () => object[] }) => void) {}
      observe(): void {
        this.heard({ getEntries: () => [{ name: `${PAGE}/assets/${NAME}`, ...arrival }] });
      }
      disconnect(): void {
        this.heard({ getEntries: () => [] });
      }
    },
  );
  const { whenCutOff } = await import("../../src/worker/files");
  const done = new AbortController();
  const reason = await Promise.race([
    whenCutOff("runtime/x/", done.signal).catch((error: unknown) => (error as Error).message),
    new Promise<string>((resolve) => setTimeout(resolve, 5, "whole")),
  ]);
  done.abort();
  return reason;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

const BROKEN = `${NAME} did not arrive as it was built`;

describe("a file of a start", () => {
  it("is whole where the browser tells no status, or neither status nor size (WebKit, its workers)", async () => {
    expect(await told({ decodedBodySize: 700 })).toBe("whole");
    expect(await told({ decodedBodySize: 0 })).toBe("whole");
  });

  it("is cut off where its size says so, with a status or without", async () => {
    expect(await told({ decodedBodySize: 699 })).toBe(BROKEN);
    expect(await told({ decodedBodySize: 699, responseStatus: 200 })).toBe(BROKEN);
    expect(await told({ decodedBodySize: 700, responseStatus: 200 })).toBe("whole");
  });

  it("is missing where its status says so", async () => {
    expect(await told({ decodedBodySize: 700, responseStatus: 404 })).toBe(BROKEN);
    expect(await told({ decodedBodySize: 0, responseStatus: 0 })).toBe(BROKEN);
  });

  it("may be told as zeros, of another origin or from a service worker (Firefox): one of our own is asked for again", async () => {
    const zeros = { decodedBodySize: 0, responseStatus: 0 };
    expect(await told(zeros, { page: "https://other.example" })).toBe("whole");
    expect(fetch).not.toHaveBeenCalled();
    expect(await told(zeros, { isThere: true })).toBe("whole");
    expect(fetch).toHaveBeenCalledWith(`${PAGE}/assets/${NAME}`, expect.anything());
  });
});
