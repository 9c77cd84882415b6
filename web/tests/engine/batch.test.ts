import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Batch } from "../../src/engine/batch";
import { SporewrightError } from "../../src/errors";
import type { Calls } from "../../src/generated/calls";

type Body = Calls["batch"]["body"];
type Reply = Calls["batch"]["reply"];

function batch(answer: (body: Body) => Promise<Reply>): { batch: Batch; sent: Body[] } {
  const sent: Body[] = [];
  const made = new Batch((body) => {
    sent.push(body);
    return answer(body);
  });
  return { batch: made, sent };
}

const echoed = ({ calls }: Body): Promise<Reply> =>
  Promise.resolve({ replies: calls.map(({ call }) => ({ body: { call } })) });

describe("Batch", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends what was added within a moment together, in order", async () => {
    const { batch: made, sent } = batch(echoed);
    const answers = [made.add("began", { option: "a" }), made.add("ended", { option: "a" })];

    await vi.advanceTimersByTimeAsync(49);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);

    expect(sent).toEqual([
      {
        calls: [
          { call: "began", body: { option: "a" } },
          { call: "ended", body: { option: "a" } },
        ],
      },
    ]);
    await expect(Promise.all(answers)).resolves.toEqual([{ call: "began" }, { call: "ended" }]);
  });

  it("sends nothing when there is nothing, and each batch once", async () => {
    const { batch: made, sent } = batch(echoed);
    made.flush();
    expect(sent).toHaveLength(0);

    const answer = made.add("began", { option: "a" });
    made.flush();
    await answer;
    await vi.advanceTimersByTimeAsync(1000);

    expect(sent).toHaveLength(1);
  });

  it("does not let a batch grow without bound", async () => {
    const { batch: made, sent } = batch(echoed);
    const all = Array.from({ length: 130 }, () => made.add("began", { option: "a" }));

    expect(sent.map(({ calls }) => calls.length)).toEqual([64, 64]);
    await vi.advanceTimersByTimeAsync(50);
    await Promise.all(all);
    expect(sent).toHaveLength(3);
  });

  it("rejects the one that failed, with its error", async () => {
    const error = { code: "protocol", message: "outcome.option: missing" };
    const { batch: made } = batch(() => Promise.resolve({ replies: [{ error }, { body: {} }] }));
    const [bad, good] = [made.add("began", { option: "a" }), made.add("ended", { option: "a" })];
    made.flush();

    await expect(bad).rejects.toMatchObject(error);
    await expect(good).resolves.toEqual({});
  });

  it("rejects all of them when the engine is gone", async () => {
    const { batch: made } = batch(() => Promise.reject(new SporewrightError("closed", "the router is closed")));
    const bad = made.add("began", { option: "a" });
    made.flush();

    await expect(bad).rejects.toMatchObject({ code: "closed" });
  });
});
