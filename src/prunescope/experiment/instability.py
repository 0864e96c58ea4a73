"""From which step on do two trainings in different orders reach the same minimum?

Linear mode connectivity (Frankle et al. 2020, arXiv 1912.05671): a network is trained to a step,
then twice to the end in different orders of images. Where the test error does not rise on the
straight line between the two, training has become stable, and lottery tickets can be rewound to
that step.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import Ranks
from prunescope.base.steps import Step
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.open_run import open_run
from prunescope.experiment.run import run_levels
from prunescope.experiment.runner import StageRunner
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.stage import PlannedStudy
from prunescope.experiment.together import led_by_first
from prunescope.recipe import Recipe
from prunescope.report.instability_figure import render_instability
from prunescope.results.instability import STABLE, Instability, error_barrier
from prunescope.results.layout import BARRIERS, INSTABILITY_FIGURE, LINES, LevelKey
from prunescope.results.tables import write_csv
from prunescope.training.recalibration import normalisations, recalibrate

POINTS = 30
"""Points on a line, its two ends among them."""
_BATCHES = 50  # for the statistics of normalisation, at most


def measure_instability(
    recipe: Recipe,
    at: Sequence[str],
    out: Path,
    *,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Instability:
    """Train level 0 and its twins from each step, and measure the barriers between them.

    at: steps such as "0it" and "2ep". out: a folder with a run folder for each, with which a study
        of that rewind point can go on, and the two tables.
    Stopped at any moment, the same call goes on. Raises as `run_study` does; ConfigError where a
    study starts from given weights, which have no rewind point.
    """
    if recipe.start is not None:
        raise ConfigError(
            "the recipe starts from given weights, but instability is of trainings from each "
            "step: leave out start"
        )
    if not at:
        raise ConfigError('no step is stated: give some to rewind to, as in "0it,500it,1ep,2ep"')
    steps = [step.strip() for step in dict.fromkeys(at)]

    def lead(ranks: Ranks) -> Instability:
        return _measure(recipe, steps, out, ranks, workers, progress)

    return led_by_first(lead)


def _measure(
    recipe: Recipe,
    steps: list[str],
    out: Path,
    ranks: Ranks,
    workers: int | None,
    progress: Progress,
) -> Instability:
    _check_steps(recipe, steps, progress)
    rows: list[dict[str, object]] = []
    lines: list[pd.DataFrame] = []
    for step in steps:
        folder = out / f"rewind-{step}"
        pruning = recipe.pruning.model_copy(
            update={"rewind_to": step, "twins": max(1, recipe.pruning.twins)}
        )
        variant = recipe.model_copy(update={"pruning": pruning})
        run_levels(variant, folder, _is_dense, ranks, workers=workers, progress=progress)
        for line in _lines(folder, step, progress):
            lines.append(line)
            errors = line["error"].to_numpy()
            rows.append(
                {name: line[name][0] for name in ("rewind_to", "iteration", "replicate", "twin")}
                | {"barrier": error_barrier(errors)}
            )
    result = Instability(barriers=pd.DataFrame(rows), lines=pd.concat(lines, ignore_index=True))
    write_csv(out / BARRIERS, result.barriers)
    write_csv(out / LINES, result.lines)
    for form, content in render_instability(
        result.barriers, result.lines, STABLE, ("png", "svg")
    ).items():
        write_atomically(out / f"{INSTABILITY_FIGURE}.{form}", content)
    return result


def on_the_line(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return the weights that lie at a share of the way from the first to the second.

    Counters, which are whole numbers, are the first's.
    """
    return {
        name: tensor.lerp(second[name], share) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


def _is_dense(key: LevelKey) -> bool:
    return key.level == 0


def _check_steps(recipe: Recipe, at: Sequence[str], progress: Progress) -> None:
    """Raise ConfigError where a step is none, or none before the end of training."""
    for step in at:
        Step.parse(step, 1)
    study = PlannedStudy(recipe=recipe, facts=facts_of(recipe, progress))
    end = study.step(recipe.training.to)
    for step in at:
        if study.step(step) >= end:
            raise ConfigError(
                f"{step} is not before the end of training, {recipe.training.to}: give earlier "
                "steps to rewind to"
            )


def _lines(run: Path, step: str, progress: Progress) -> Iterator[pd.DataFrame]:
    """Yield the line from level 0 of each replicate to each of its twins."""
    opened = open_run(run)
    runner = StageRunner(opened.plan, opened.store)
    levels = {level.key: level for level in opened.plan.of(LevelStage)}
    iteration = opened.plan.study.step(step).iteration
    for key, twin in levels.items():
        if not key.is_twin:
            continue
        dense = levels[key.dense]
        progress.say(f"rewound to {step}: the line from level 0 to {key.title}")
        errors = _errors_between(dense, twin, runner)
        facts = {"rewind_to": step, "iteration": iteration, "replicate": key.replicate}
        shares = np.linspace(0, 1, POINTS)
        yield pd.DataFrame({**facts, "twin": key.strategy, "share": shares, "error": errors})


def _errors_between(dense: LevelStage, twin: LevelStage, runner: StageRunner) -> list[float]:
    """Return the test error at each point of the line between two levels."""
    ends = runner.weights_of(dense), runner.weights_of(twin)
    network = runner.new_network(dense.seeds.init)
    errors = []
    for share in np.linspace(0, 1, POINTS):
        network.load_state_dict(on_the_line(*ends, float(share)))
        _estimate_statistics(network, dense, runner)
        errors.append(1 - runner.evaluate(network).top1)
    return errors


def _estimate_statistics(network: nn.Module, dense: LevelStage, runner: StageRunner) -> None:
    """Take the statistics of batch normalisation from training images, if there is any."""
    training = runner.recipe.training
    if not normalisations(network):
        return
    recalibrate(
        network,
        runner.sources.train_images,
        batches=min(_BATCHES, runner.plan.study.step("1ep").iteration),
        batch_size=training.batch_size,
        normalisation=runner.sources.normalisation,
        augmentation=training.augmentation,
        seeds=dense.seeds,
        precision=training.precision,
        channels_last=training.channels_last,
    )
