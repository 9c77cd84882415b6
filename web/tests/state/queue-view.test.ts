/** The order that a routed fetch walks. */
import { describe, expect, it } from "vitest";

import { Order } from "../../src/state/queue-view";

describe("the order", () => {
  it("walks the head, then whoever else can be called", () => {
    const order = new Order();
    expect(order.walk).toEqual([]);

    order.show({ queue: ["a", "b"], total: 5, revision: 1 });
    expect(order.walk).toEqual(["a", "b"]);
    order.route(["b", "d", "e"]);
    expect(order.walk).toEqual(["a", "b", "d", "e"]);

    order.show({ queue: ["d", "a"], total: 5, revision: 2 });
    expect(order.walk).toEqual(["d", "a", "b", "e"]);
  });

  it("gives out what nobody can change", () => {
    const order = new Order();
    const queue = ["a"];
    expect(Object.isFrozen(order.show({ queue, total: 1, revision: 1 }).queue)).toBe(true);
    queue.push("b");
    expect(order.head.queue).toEqual(["a"]);
    expect(Object.isFrozen(order.walk)).toBe(true);
    expect(order.walk).toBe(order.walk);
  });
});
