"""How near does a study of the paper's size come to the ideal use of a Ray cluster?"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from prunescope.base.progress import SILENT, Progress
from prunescope.engines.engine import Resources
from prunescope.engines.ray import RayEngine
from prunescope.experiment.forecast import Rates
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.runner import StageJob
from prunescope.experiment.schedule import makespan
from prunescope.experiment.status import needs_each, seconds_each
from prunescope.recipe import load_recipe
from prunescope.results.provenance import environment


def main() -> None:
    """Print one JSON object: the seconds that all stages took, over those of an ideal cluster.

    Each stage sleeps, for so long as the rates say, scaled down, as a task of a real Ray whose
    nodes are on this machine; the GPUs are numbers that Ray counts. Ideal is the longer of the
    longest chain of stages and an equal share of all work.
    """
    given = arguments()
    conditions = environment()
    rates = Rates.read(given.rates)
    recipe = load_recipe(str(given.recipe), given.set)
    plan = plan_study(recipe, rates.facts)
    seconds = seconds_each(plan, plan.artifacts, rates.seconds)
    if seconds is None:
        sys.exit(f"{given.rates} has not a rate for every kind of stage")
    after = needs_each(plan)
    ideal = max(makespan(seconds, after, len(seconds)), sum(seconds.values()) / given.gpus)
    scale = given.seconds / ideal
    taken = time_stages(plan, {name: scale * each for name, each in seconds.items()}, given.gpus)
    figures = {
        "ideal_over_taken": round(given.seconds / taken, 3),
        "foreseen_over_taken": round(scale * makespan(seconds, after, given.gpus) / taken, 3),
        "seconds_taken": round(taken, 1),
        "seconds_ideal": given.seconds,
        "hours_ideal": round(ideal / 3600, 1),
        "stages": len(seconds),
        "overhead_per_stage_of_a_chain": round((taken - given.seconds) / longest(plan), 3),
        "gpus": given.gpus,
        "recipe": Path(given.recipe).stem,
        "rates": rates.model_dump(mode="json"),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--recipe", default=here.parent / "recipes" / "imagenet_resnet50.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--rates", type=Path, default=here / "rates" / "resnet50.json")
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=180.0, help="an ideal cluster would take")
    return parser.parse_args()


def time_stages(plan: Plan, seconds: dict[str, float], gpus: int) -> float:
    """Return the seconds that an engine takes for stages that sleep."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    ray.init(address="local", num_cpus=gpus, num_gpus=gpus, include_dashboard=False, **quiet)
    engine = RayEngine(gpus)
    warm(engine, gpus)
    jobs = [
        StageJob(name=stage.title, after=needs, resources=stage.resources)
        for stage, needs in zip(plan.stages, needs_each(plan).values(), strict=True)
    ]
    started = time.monotonic()
    engine.run(jobs, Sleeper(seconds), done, fail, SILENT)
    taken = time.monotonic() - started
    ray.shutdown()
    return taken


def warm(engine: RayEngine, gpus: int) -> None:
    """Let every worker start, which on a cluster that is up costs once."""
    jobs = [StageJob(name=str(n), after=(), resources=Resources(gpus=1)) for n in range(gpus)]
    engine.run(jobs, Sleeper(dict.fromkeys(map(str, range(gpus)), 1.0)), done, fail, SILENT)


class Sleeper:
    """Performs each stage by sleeping. seconds: of each, by its title."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    def __call__(self, job: StageJob, _: Progress) -> None:
        """Sleep."""
        time.sleep(self.seconds[job.name])


def done(_: StageJob, __: None) -> None:
    """Take note of nothing."""


def fail(_: StageJob, error: Exception) -> None:
    """Stop: no sleep fails."""
    raise error


def longest(plan: Plan) -> int:
    """Return the number of stages in the longest chain."""
    depth: dict[str, int] = {}
    for stage in plan.stages:
        depth[stage.title] = 1 + max((depth[each.title] for each in stage.inputs), default=0)
    return max(depth.values(), default=1)


if __name__ == "__main__":
    main()
