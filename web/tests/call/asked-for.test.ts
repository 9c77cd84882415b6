/** What a request asks for at the top level of its body; the cases are Python's, too (tests/device/test_asked_for.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { askedFor } from "../../src/call/asked-for";
import { PLAN } from "../../src/generated/plan";

interface Case {
  name: string;
  path: string;
  accept: string | null;
  type?: string | null;
  body: string;
  stream: boolean | null;
  model: string | null;
  infers: boolean;
}

const CASES = JSON.parse(
  readFileSync(new URL("../../../tests/routing/asked-for.json", import.meta.url), "utf8"),
) as Case[];

function asked({
  path,
  accept,
  type,
  body,
}: Pick<Case, "path" | "accept" | "type" | "body">): ReturnType<typeof askedFor> {
  const headers = { ...(accept ? { accept } : {}), ...(type ? { "content-type": type } : {}) };
  const bytes = new TextEncoder().encode(body);
  const template = {
    request: new Request(`http://a.invalid${path}`, { headers }),
    body: bytes.buffer,
    spoken: undefined,
  };
  return askedFor(template, path, PLAN.repeatable.fields);
}

describe("what a request asks for", () => {
  it.each(CASES)("$name", (one) => {
    expect(asked(one)).toEqual({
      stream: one.stream ?? undefined,
      model: one.model ?? undefined,
      infers: one.infers,
    });
  });

  it("cannot be told of a body that is not looked into", () => {
    const long = `{"stream": true, "x": "${"x".repeat(1 << 22)}"}`;
    expect(asked({ path: "/", accept: null, body: long })).toEqual({
      stream: undefined,
      model: undefined,
      infers: true,
    });
  });
});
