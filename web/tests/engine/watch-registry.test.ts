/** What a page follows, over the engines that come and go. */
import { expect, it } from "vitest";
import { Watched } from "../../src/engine/watch-registry";

const ASKED = { watch: "w", limit: 2 };

it("counts revisions over all engines, and tells of a new engine only what it changes", () => {
  const watched = new Watched();
  expect(watched.begins("w", ASKED, { queue: ["a", "b"], total: 2 })).toMatchObject({ revision: 0, queue: ["a", "b"] });
  expect(watched.changed({ watch: "w", queue: ["b", "a"], total: 2, revision: 1 }).revision).toBe(1);

  expect(watched.asked).toEqual([ASKED]);
  expect(watched.begins("w", ASKED, { queue: ["b", "a"], total: 2 })).toBeNull();
  expect(watched.changed({ watch: "w", queue: ["a", "b"], total: 2, revision: 1 }).revision).toBe(2);

  expect(watched.begins("w", ASKED, { queue: ["a", "c"], total: 3 })).toMatchObject({ revision: 3, total: 3 });
  expect(watched.changed({ watch: "w", queue: ["c", "a"], total: 3, revision: 1 }).revision).toBe(4);
});

it("asks nothing again of what the start asks for, or of what nobody follows any more", () => {
  const watched = new Watched();
  watched.begins("head", null, { queue: [], total: 0 });
  watched.begins("w", ASKED, { queue: [], total: 0 });
  watched.delete("w");
  expect(watched.asked).toEqual([]);
  const late = { watch: "w", queue: ["a"], total: 1, revision: 5 };
  expect(watched.changed(late)).toBe(late);
});
