"""Leave a seeded random sample of a Cosmic Ray session's mutants pending; the others count as skipped."""

from __future__ import annotations

import random
import sys
from argparse import ArgumentParser, Namespace

from cosmic_ray.tools.filters.filter_app import FilterApp
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult


def place(item: WorkItem) -> tuple[str, str, int]:
    """A mutant's name, independent of the id that this session gave it: the sample must not depend on random ids."""
    mutation = item.mutations[0]
    return str(mutation.module_path), mutation.operator_name, mutation.occurrence


class SampleFilter(FilterApp):
    """A filter in Cosmic Ray's own frame."""

    def description(self) -> str:
        """The text of --help."""
        return str(__doc__)

    def add_args(self, parser: ArgumentParser) -> None:
        """The size of the sample, and the seed of its draw."""
        parser.add_argument("count", type=int)
        parser.add_argument("seed", type=int)

    def filter(self, work_db: WorkDB, args: Namespace) -> None:
        """Skip all but `count` of the pending items."""
        pending = sorted(work_db.pending_work_items, key=place)
        random.Random(args.seed).shuffle(pending)
        for item in pending[args.count :]:
            work_db.set_result(item.job_id, WorkResult(output="not sampled", worker_outcome=WorkerOutcome.SKIPPED))


if __name__ == "__main__":
    sys.exit(SampleFilter().main())
