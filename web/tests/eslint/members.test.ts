/** The rule that keeps `src` to what all promised browsers have, by the type of what is read. */
import { ESLint } from "eslint";
import { describe, expect, it } from "vitest";

// In CI a lint is taken for one run over the files as they are on the disk, and never sees the text given here.
const parserOptions = { disallowAutomaticSingleRunInference: true };
const cwd = new URL("../..", import.meta.url).pathname;
const linter = new ESLint({ cwd, overrideConfig: { languageOptions: { parserOptions } } });

/** What the rule says of an expression over `entry`, a resource timing. */
async function said(expression: string, type = "PerformanceResourceTiming"): Promise<string[]> {
  const code = `export const read = (entry: ${type}): unknown => {\n${expression}\n};\n`;
  const [result] = await linter.lintText(code, { filePath: "src/base/ids.ts" });
  return (result?.messages ?? [])
    .filter(({ ruleId }) => ruleId === "sporewright/members")
    .map(({ message }) => message);
}

describe("a member that a promised browser lacks", { timeout: 60_000 }, () => {
  it("is reported where it is read, by name or by destructuring", async () => {
    const lacks = [expect.stringMatching(/^PerformanceResourceTiming\.responseStatus is not in .*safari 17.4/)];
    expect(await said("return entry.responseStatus;")).toEqual(lacks);
    expect(await said("const { responseStatus } = entry; return responseStatus;")).toEqual(lacks);
    expect(await said("return entry.bytes();", "Response")).toHaveLength(1);
  });

  it("may be asked for, typed as optional", async () => {
    expect(await said("return entry.responseStatus ?? 0;", "Partial<PerformanceResourceTiming>")).toEqual([]);
    expect(await said("return entry.responseStatus ?? 0;", "{ responseStatus?: number }")).toEqual([]);
  });

  it("is none that all of them have", async () => {
    expect(await said("return entry.decodedBodySize;")).toEqual([]);
    expect(await said("return entry.arrayBuffer();", "Response")).toEqual([]);
    expect(await said("return entry.byteLength;", "Uint8Array")).toEqual([]);
  });
});
