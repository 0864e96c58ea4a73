"""What share of a study's time goes into surviving a crash, a full disk or a second writer?"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from prunescope.base import lock
from prunescope.base.lease import Lease
from prunescope.experiment.run import run_study
from prunescope.recipe import load_recipe
from prunescope.results import manifest, store
from prunescope.results.provenance import Provenance, environment
from prunescope.training.trainer import Trainer

PARTS: tuple[tuple[str, Any, str], ...] = (
    ("checkpoints", Trainer, "_save"),
    ("checksums", manifest, "hash_once"),
    ("checksums", store, "hash_once"),
    ("manifests", store, "write_manifest"),
    ("making durable", os, "fsync"),
    ("the record", Provenance, "_write"),
    ("looking for another writer", store, "check_held"),
    ("heartbeats", Lease, "write"),
    ("taking the lock", lock, "_outwait"),
)


class Clock:
    """Seconds by part; what runs inside another part counts as that one's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inside = threading.local()

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same, its time noted."""

        def measured(*arguments: Any, **named: Any) -> Any:
            if getattr(self._inside, "part", None) is not None:
                return call(*arguments, **named)
            self._inside.part, began = part, time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds[part] += time.perf_counter() - began
                self.calls[part] += 1
                self._inside.part = None

        return measured


@contextmanager
def measured(clock: Clock) -> Iterator[None]:
    """Note the time of every part while the block lasts."""
    former = [(owner, name, getattr(owner, name)) for _, owner, name in PARTS]
    for (part, owner, name), (_, _, call) in zip(PARTS, former, strict=True):
        setattr(owner, name, clock.timed(part, call))
    try:
        yield
    finally:
        for owner, name, call in former:
            setattr(owner, name, call)


def main() -> None:
    """Print one JSON object: the share of all and of each part, and how often each was done.

    The study is run by one process of one thread, and again when it is finished.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", dest="overrides")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    conditions, clock = environment(), Clock()
    recipe = load_recipe(asked.recipe, asked.overrides)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with measured(clock):
            run_study(recipe, Path(folder) / "run", workers=1)
        whole = time.perf_counter() - began
        began = time.perf_counter()
        run_study(recipe, Path(folder) / "run", workers=1)
        again = time.perf_counter() - began
    figures = {
        "share": round(sum(clock.seconds.values()) / whole, 4),
        "seconds": round(whole, 1),
        "seconds_when_finished": round(again, 2),
        "shares": {part: round(each / whole, 5) for part, each in clock.seconds.items()},
        "calls": dict(clock.calls),
        "recipe": asked.recipe,
        "overrides": asked.overrides,
    }
    print(json.dumps(figures | {"conditions": conditions}))


if __name__ == "__main__":
    main()
