"""How far is a study, and what is it going to take?"""

from dataclasses import asdict, dataclass
from typing import Any

from prunescope.base.progress import duration
from prunescope.base.text import counted

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a run would do.

    to_do, done: titles of the stages. workers: processes beside each other.
    seconds: until it is finished, from work timed on this machine.
    disk: bytes that the whole run folder will take, about.
    """

    to_do: tuple[str, ...]
    done: tuple[str, ...]
    workers: int
    seconds: float
    disk: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        return "\n".join(
            [
                *_listed("to do", self.to_do),
                f"{len(self.done)} of {counted(len(self.done) + len(self.to_do), 'stage')} are "
                "done",
                f"about {duration(self.seconds)} on this machine (workers: {self.workers}), "
                f"{self.disk / 2**20:,.0f} MiB",
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is.

    done, to_do: titles of the stages. seconds_left: None while nothing made here tells how long.
    holder: who writes to the run now; empty if nobody does.
    outdated: paths of artifacts that no longer belong to the study.
    under_way: trainings that have begun, and the step of their last checkpoint.
    damaged: files of finished stages that are missing or of another size; `run` makes them again.
    unread: why photographs or concepts cannot be read now, so that they are taken as recorded.
    """

    name: str
    done: tuple[str, ...]
    to_do: tuple[str, ...]
    seconds_left: float | None
    holder: str
    outdated: tuple[str, ...]
    under_way: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; nobody who writes is None."""
        return asdict(self) | {"holder": self.holder or None}

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        stages = len(self.done) + len(self.to_do)
        lines = [f"{self.name}: {len(self.done)} of {counted(stages, 'stage')} done"]
        if self.damaged:
            lines.append("missing or damaged (the same run makes it again):")
            lines += [f"  {flaw}" for flaw in self.damaged]
        lines += _listed("under way", self.under_way)
        lines += _listed("left", self.to_do)
        if self.to_do:
            left = "not known yet" if self.seconds_left is None else duration(self.seconds_left)
            lines.append(f"time left: {left}")
        lines.append(f"running: {self.holder}" if self.holder else "running: no")
        if self.outdated:
            lines.append("no longer part of the study (remove them if you like):")
            lines += [f"  {path}" for path in self.outdated]
        lines += [f"taken as the run recorded it: {why}" for why in self.unread]
        return "\n".join(lines)


def _listed(word: str, titles: tuple[str, ...]) -> list[str]:
    more = [f"  ... and {len(titles) - _SHOWN} more"] if len(titles) > _SHOWN else []
    return [f"{word}:", *(f"  {title}" for title in titles[:_SHOWN]), *more] if titles else []
