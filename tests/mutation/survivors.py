"""Print how many mutants of a Cosmic Ray session were killed, and the diff of each that was not."""

from __future__ import annotations

import sys

from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome


def main(name: str, session: str) -> None:
    """The survivors of one session, by place; a mutant that broke the tool itself counts as neither."""
    with use_db(session) as db:
        ran = [
            (item, result) for item, result in db.completed_work_items if result.worker_outcome == WorkerOutcome.NORMAL
        ]
    alive = [(item.mutations[0], result) for item, result in ran if result.test_outcome == TestOutcome.SURVIVED]
    for mutation, result in sorted(alive, key=lambda pair: (str(pair[0].module_path), pair[0].start_pos)):
        print(
            f"{mutation.module_path}:{mutation.start_pos[0]} {mutation.operator_name} {mutation.definition_name or ''}"
        )
        print(
            *(line for line in (result.diff or "").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")),
            sep="\n",
        )
    print(f"{name}: {len(ran)} mutants, {len(ran) - len(alive)} killed, {len(alive)} survived")


if __name__ == "__main__":
    main(*sys.argv[1:])
