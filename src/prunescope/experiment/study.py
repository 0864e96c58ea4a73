"""How is a study run from Python?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prunescope import recipe as recipes
from prunescope.base.arguments import explain
from prunescope.base.door import checked_path, checked_value
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.settings import explained
from prunescope.base.text import a_kind
from prunescope.experiment.forecast import DryRun
from prunescope.experiment.merging import merge_runs
from prunescope.experiment.recipe_trust import check_code
from prunescope.experiment.run import dry_run, run_study
from prunescope.experiment.status import Status, status_of
from prunescope.results.instability import Instability
from prunescope.results.run import Run


class Study(recipes.Recipe):
    __doc__ = explain(recipes.Recipe.__doc__ or "", recipes.Recipe.model_fields)

    def __new__(cls, *values: Any, **_settings: Any) -> "Study":
        if values:
            raise _called_so()
        return super().__new__(cls)

    def __init__(self, **settings: Any) -> None:
        if not settings:
            raise _called_so()
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise explained(type(self), error, "the study") from None

    # so that pydantic fills a study by itself, and explains its own way what it is in a recipe
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def load(cls, recipe: Path | str | Mapping[str, Any], *, set: Sequence[str] = ()) -> "Study":  # noqa: A002
        """Read a recipe: a YAML file, the name of one that is shipped ("demo"), or plain values.

        set: changes in the form "a.b=c", c read as YAML, as `--set` on the command line.
        Raises ConfigError naming the key, what was given, what is allowed, the nearest valid name;
        DataError for the study.yaml of a run that names code as its network, unless `set` does.
        """
        if not isinstance(recipe, str | Path | Mapping):
            raise ConfigError(
                f"the recipe is {a_kind(recipe)}: give a file, a name, or plain values"
            )
        changes = [set] if isinstance(set, str) else list(set)
        if not all(isinstance(change, str) for change in changes):
            raise ConfigError(f'set is {set!r}: give changes such as "replicates=1"')
        values = recipes.read_recipe(recipe)
        where = "the study" if isinstance(recipe, Mapping) else str(recipe)
        study = cls.validate_from(recipes.overridden(values, changes), where)
        check_code(study, recipe, changes)
        return study

    def run(
        self, out: Path | str | None = None, *, only: str | Sequence[str] = (),
        workers: int | None = None, gpus: int | None = None, engine: str = "local",
        address: str | None = None, progress: Progress = SILENT,
    ) -> Run:  # fmt: skip
        """Do all that the study still lacks in its run folder, and return the Run.

        Stopped at any moment, even by `kill -9`, the same call goes on and ends with the same
        bytes. Recipe of the method: Frankle & Bau 2019 (docs/method.md).

        out: the run folder; `runs/NAME` when None.
        only: which levels to make, and what they need: "replicate=1", "strategy=NAME,level=2", or
            several such conditions; all where nothing is stated.
        engine: where stages run ("local", "ray"). address: of a running Ray cluster; one is started
            on this machine when None.
        workers: processes that train in parallel; None takes one for each replicate and
            strategy as far as the cores go, 1 trains in this process. A script that starts more
            than one must keep its own work under `if __name__ == "__main__":`.
        gpus: as many workers, each with a GPU.
        progress: where to report.
        Processes that torchrun started share every training; each of them calls this alike.
        Raises ConfigError or DataError before anything is written, RunBusyError where another
        process writes there; StudyIncomplete, a PrunescopeError, where some levels could not be
        made, after all others are.
        """
        folder, workers = self._folder(out), checked_value("workers", workers)
        conditions = _conditions(only)
        run_study(
            self, folder, only=conditions, workers=workers, gpus=checked_value("gpus", gpus),
            engine=engine, address=address, progress=progress,
        )  # fmt: skip
        return Run.load(folder)

    def dry_run(
        self, out: Path | str | None = None, *, only: str | Sequence[str] = (),
        workers: int | None = None, gpus: int | None = None, engine: str = "local",
        address: str | None = None, rates: Path | str | None = None, price: float | None = None,
        progress: Progress = SILENT,
    ) -> DryRun:  # fmt: skip
        """Check the study wholly, and say what `run` would do, how long and on how much disk.

        A little of the work is timed; nothing is written. out, only, workers, gpus, engine,
        address, progress: as for `run`.
        rates: a file of what a dry run measured elsewhere (`prunescope run RECIPE --dry-run --json
            > FILE`); then nothing is read or timed here. price: of a worker for an hour.
        Raises what `run` would before it writes anything.
        """
        folder, workers = self._folder(out), checked_value("workers", workers)
        conditions = _conditions(only)
        return dry_run(
            self, folder, only=conditions, workers=workers, gpus=checked_value("gpus", gpus),
            engine=engine, address=address, rates=checked_value("rates", rates),
            price=checked_value("price", price), progress=progress,
        )  # fmt: skip

    def instability(
        self, at: str | Sequence[str], out: Path | str, *,
        workers: int | None = None, progress: Progress = SILENT,
    ) -> Instability:  # fmt: skip
        """Measure from which step on two trainings in different orders reach the same minimum.

        Level 0 and its twins are trained from each step, and the test error is measured on the
        straight line between them (Frankle et al. 2020). The largest rise above the mean of its
        ends, in points, is the instability; rewind to a step at which it is small.

        at: steps such as "0it,500it,2ep". out: a folder with a run folder for each, with which a
            study of that rewind point can go on, two tables and the figure.
        workers, progress: as for `run`.
        Raises what `run` does; ConfigError for a study that starts from given weights.
        """
        from prunescope.experiment.instability import measure_instability

        steps = at.split(",") if isinstance(at, str) else list(at)
        return measure_instability(
            self, steps, checked_path("out", out), workers=checked_value("workers", workers),
            progress=progress,
        )  # fmt: skip

    def status(self, out: Path | str | None = None) -> Status:
        """Say what of the study is done, running and left in a run folder.

        out: the run folder; `runs/NAME` when None. `outdated` in the answer are the folders made
        for other settings. Raises ConfigError or DataError where the data cannot be opened.
        """
        return status_of(self, self._folder(out))

    def _folder(self, out: Path | str | None) -> Path:
        return Path("runs") / self.name if out is None else checked_path("out", out)


def merge(runs: Sequence[Path | str], out: Path | str, *, progress: Progress = SILENT) -> Run:
    """Join runs of parts of one study, made apart, into a new run folder; return the Run.

    runs: their folders. They may differ in the replicates, strategies and levels they have, and in
        where their data lay. out: the new folder. progress: where to report.
    Raises ConfigError where they are not of one study or the new folder is not free, StoreError
    where a file of theirs is damaged.
    """
    if isinstance(runs, str | Path):
        raise ConfigError("runs is one path: give two or more run folders")
    folder = checked_path("out", out)
    merge_runs([checked_path("runs", run) for run in runs], folder, progress=progress)
    return Run.load(folder)


def _conditions(only: str | Sequence[str]) -> list[str]:
    conditions = [only] if isinstance(only, str) else list(only)
    if not all(isinstance(condition, str) for condition in conditions):
        raise ConfigError(f'only is {only!r}: give conditions such as "replicate=1"')
    return conditions


def _called_so() -> ConfigError:
    return ConfigError('Study is not called so: ps.Study.load("recipe.yaml") reads one')
