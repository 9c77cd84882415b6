/** A real HTTP server on a free loopback port; how it behaves is switched while it runs. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach } from "vitest";

export interface Seen {
  method: string;
  path: string;
  body: string;
  headers: IncomingMessage["headers"];
}

export class TestUpstream {
  readonly seen: Seen[] = [];
  status = 200;
  mode: "ok" | "reset" | "silent" | "drip" = "ok";
  headers: Record<string, string> = {};
  /** Answers in place of `mode`. */
  answer: ((response: ServerResponse) => void | Promise<void>) | null = null;
  /** Bodies whose reader went away before their end. */
  cutOff = 0;
  readonly #server: Server;

  private constructor(readonly name: string) {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async open(name: string): Promise<TestUpstream> {
    const upstream = new TestUpstream(name);
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    this.seen.push({ method, path: url, body: Buffer.concat(chunks).toString(), headers });
    response.on("close", () => {
      if (this.answer && !response.writableEnded) this.cutOff += 1;
    });
    if (this.answer) await this.answer(response);
    else if (this.mode === "reset") request.socket.resetAndDestroy();
    else if (this.mode === "drip") this.#drip(response);
    else if (this.mode === "ok") {
      response.writeHead(this.status, this.headers);
      response.end(this.name);
    }
  }

  /** Headers and a first byte, then nothing. */
  #drip(response: ServerResponse): void {
    response.on("close", () => {
      if (!response.writableEnded) this.cutOff += 1;
    });
    response.writeHead(this.status, this.headers);
    response.write("first");
  }
}

/** Two servers anew for each test of a file, before its other preparations, closed after it. */
export function pairForEach(opened: (alpha: TestUpstream, beta: TestUpstream) => void): void {
  let pair: readonly TestUpstream[] = [];
  beforeEach(async () => {
    const [alpha, beta] = await Promise.all([TestUpstream.open("alpha"), TestUpstream.open("beta")]);
    pair = [alpha, beta];
    opened(alpha, beta);
  });
  afterEach(async () => {
    await Promise.all(pair.map((each) => each.close()));
  });
}
