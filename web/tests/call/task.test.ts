/** A call's kind of work: its order is walked, and what happens is learned for it. */
import { beforeEach, expect, it } from "vitest";
import { RoutedFetch } from "../../src/call/fetch";
import { contextOf } from "../context";
import { pairForEach, type TestUpstream } from "../upstream";

let alpha: TestUpstream;
let beta: TestUpstream;
let told: unknown[];
let router: RoutedFetch;

pairForEach((...pair) => {
  [alpha, beta] = pair;
});

beforeEach(() => {
  told = [];
  const upstreams = { alpha: { url: alpha.url }, beta: { url: beta.url } };
  const context = contextOf(upstreams, {
    queue: (at) => (at?.["task"] === "sums" ? ["beta", "alpha"] : ["alpha", "beta"]),
    onBegan: (option, first, task) => told.push({ option, first, task }),
    onOutcome: ({ option, outcome, task }) => told.push({ option, outcome, task }),
    onReport: (option, quality, task) => told.push({ option, quality, task }),
    critic: () => 0.5,
  });
  router = new RoutedFetch(context);
});

it("belongs to the call, its receipt and all that is learned of it", async () => {
  const response = await router.fetch("/v1/hello", { task: "sums" });
  await response.text();
  expect(router.receipt(response)).toMatchObject({ option: "beta", task: "sums", queue: ["beta", "alpha"] });
  expect(told).toContainEqual({ option: "beta", first: true, task: "sums" });
  expect(told).toContainEqual({ option: "beta", outcome: "ok", task: "sums" });
  expect(told).toContainEqual({ option: "beta", quality: 0.5, task: "sums" });
});

it("is nothing where none was said, and text where one was", async () => {
  const response = await router.fetch("/v1/hello");
  await response.text();
  expect(router.receipt(response)).not.toHaveProperty("task");
  expect(told).toContainEqual({ option: "alpha", outcome: "ok", task: undefined });
  await expect(router.fetch("/", { task: 3 as unknown as string })).rejects.toMatchObject({ code: "config" });
});
