"""How is a study run from Python?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prunescope import study
from prunescope.analysis.run_folder import Run
from prunescope.base.door import checked_path, checked_value
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.settings import explained
from prunescope.base.text import a_kind
from prunescope.experiment import dry_run, run_study, status_of
from prunescope.experiment.given import check_code
from prunescope.experiment.status import DryRun, Status


class Study(study.Study):
    __doc__ = study.Study.__doc__

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
        DataError for the study.yaml of a run that names code to run, unless `set` does.
        """
        if not isinstance(recipe, str | Path | Mapping):
            raise ConfigError(
                f"the recipe is {a_kind(recipe)}: give a file, a name, or plain values"
            )
        changes = [set] if isinstance(set, str) else list(set)
        if not all(isinstance(change, str) for change in changes):
            raise ConfigError(f'set is {set!r}: give changes such as "replicates=1"')
        values = study.read_recipe(recipe)
        where = "the study" if isinstance(recipe, Mapping) else str(recipe)
        found = cls.validate_from(study.overridden(values, changes), where)
        check_code(found, recipe, changes)
        return found

    def run(
        self, out: Path | str | None = None, *, workers: int | None = None,
        progress: Progress = SILENT,
    ) -> Run:  # fmt: skip
        """Do all that the study still lacks in its run folder, and return the Run.

        Stopped at any moment, even by `kill -9`, the same call goes on and ends with the same
        bytes. Recipe of the method: Frankle & Bau 2019 (docs/method.md).

        out: the run folder; `runs/NAME` when None.
        workers: processes that train beside each other; None takes one for each replicate and
            strategy as far as the cores go, 1 trains in this process. A script that starts more
            than one must keep its own work under `if __name__ == "__main__":`.
        progress: where to report.
        Raises ConfigError or DataError before anything is written, RunBusyError where another
        process writes there, StoreError where a finished artifact is damaged.
        """
        place, workers = self._place(out), checked_value("workers", workers)
        run_study(self, place, workers=workers, progress=progress)
        return Run.load(place)

    def dry_run(
        self, out: Path | str | None = None, *, workers: int | None = None,
        progress: Progress = SILENT,
    ) -> DryRun:  # fmt: skip
        """Check the study wholly, and say what `run` would do, how long and on how much disk.

        A little of the work is timed; nothing is written. out, workers, progress: as for `run`.
        Raises what `run` would before it writes anything.
        """
        place, workers = self._place(out), checked_value("workers", workers)
        return dry_run(self, place, workers=workers, progress=progress)

    def status(self, out: Path | str | None = None) -> Status:
        """Say what of the study is done, running and left in a run folder.

        out: the run folder; `runs/NAME` when None. `outdated` in the answer are the folders made
        for other settings. Raises ConfigError or DataError where the data cannot be opened.
        """
        return status_of(self, self._place(out))

    def _place(self, out: Path | str | None) -> Path:
        return Path("runs") / self.name if out is None else checked_path("out", out)


def _called_so() -> ConfigError:
    return ConfigError('Study is not called so: ps.Study.load("recipe.yaml") reads one')
