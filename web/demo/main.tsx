/** The inspector: load the demo's world, start a router over it, show what it does. */
import { render } from "preact";
import { Inspector } from "./parts/inspector";
import { Frame } from "./parts/frame";
import { Session } from "./session";
import { grant, loadWorld } from "./world";

const root = document.getElementById("app");

async function main(into: HTMLElement): Promise<void> {
  render(<Frame note="Loading the page's world …" />, into);
  const world = await loadWorld().catch(() => null);
  if (!world) {
    render(<Frame alert="No demo is running behind this page. Start one with make demo and reload." />, into);
    return;
  }
  try {
    const session = await Session.start(world, await grant());
    render(<Inspector session={session} />, into);
  } catch (error) {
    render(<Frame alert={`The router did not start: ${String(error)}`} />, into);
  }
}

if (root) void main(root);
