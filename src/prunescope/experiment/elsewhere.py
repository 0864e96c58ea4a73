"""Does a process on another machine see the same run folder, data and code as the first?"""

import socket
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.lease import this_machine
from prunescope.base.versions import versions_here
from prunescope.experiment.facts import StudyFacts
from prunescope.recipe import Recipe
from prunescope.results.layout import STUDY


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The process that hands out a study's stages.

    host: its machine's name. machine: what tells it from others of that name.
    versions: of Prunescope and of the packages that decide numbers, by name.
    root: the run folder. facts: what it found where the study's data lie. lease: the token of its
    lock on the run folder.
    """

    host: str
    machine: str
    versions: tuple[tuple[str, str], ...]
    root: Path
    facts: StudyFacts
    lease: str = ""

    @classmethod
    def here(cls, root: Path, facts: StudyFacts, lease: str = "") -> "Origin":
        """Return this process as the one that hands out."""
        return cls(
            host=_host(),
            machine=this_machine(),
            versions=versions_here(),
            root=root.absolute(),
            facts=facts,
            lease=lease,
        )

    def check(self, recipe: Recipe) -> None:
        """Raise ConfigError or DataError where this process would make something else of a stage.

        On the first's own machine its versions are checked alone: Ray may have been started there
        with another Python environment.
        """
        theirs, ours = dict(self.versions), dict(versions_here())
        for name, version in theirs.items():
            if ours[name] != version:
                raise ConfigError(
                    f"{_host()} has {name} {ours[name] or 'not at all'}, but {self.host}, which "
                    f"runs the study, has {version or 'none'}: numbers could differ; give every "
                    "machine the same (Ray's runtime_env does)"
                )
        if (_host(), this_machine()) == (self.host, self.machine):
            return
        if not (self.root / STUDY).is_file():
            raise ConfigError(
                f"{_host()} does not see the run folder {self.root} of {self.host}: put it on "
                "storage that all machines mount at the same path"
            )
        self._check_data(recipe)

    def _check_data(self, recipe: Recipe) -> None:
        from prunescope.experiment.source_facts import facts_of

        found = facts_of(recipe)
        for name in ("data", "concepts"):
            if getattr(found, name) != getattr(self.facts, name):
                source = getattr(recipe, name).source
                raise DataError(
                    f"{source} on {_host()} does not hold what it does on {self.host}: give every "
                    "machine the same files"
                )


def _host() -> str:
    return socket.gethostname()
