import { describe, expect, it } from "vitest";
import { TaskQueues } from "../src/state/task-queues";
import { SporewrightError } from "../src/errors";
import { Watch } from "../src/state/watch";

describe("the orders of kinds of work", () => {
  const asked: unknown[] = [];
  const closed: string[] = [];
  const watches: Watch[] = [];
  const tasks = new TaskQueues((body) => {
    const watch = new Watch(() => closed.push(String(body.cursor?.["task"])));
    asked.push(body);
    watches.push(watch);
    return watch;
  });
  const upstreams = { a: {}, b: {} };

  it("follow a kind from its first call on, which goes by the order at large", () => {
    expect(tasks.of("sums", upstreams)).toBeNull();
    expect(asked).toEqual([{ cursor: { task: "sums" }, limit: 2, among: ["a", "b"] }]);
    watches[0]?.update({ queue: ["b", "a"], total: 2, revision: 1 });
    expect(tasks.of("sums", upstreams)).toEqual(["b", "a"]);
    expect(asked).toHaveLength(1);
  });

  it("ask anew where the engine could not follow it", () => {
    watches[0]?.fail(new SporewrightError("engine", "gone"));
    expect(tasks.of("sums", upstreams)).toBeNull();
    expect(asked).toHaveLength(2);
  });

  it("follow 32 kinds, the one called for longest ago making room", () => {
    for (let at = 0; at < 31; at++) tasks.of(`kind ${at}`, upstreams);
    tasks.of("sums", upstreams);
    expect(closed).toEqual([]);
    tasks.of("one more", upstreams);
    expect(closed).toEqual(["kind 0"]);
  });
});
