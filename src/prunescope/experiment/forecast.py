"""What would a run do, how long would that take, and what would it cost?"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from prunescope.base.errors import ConfigError
from prunescope.base.progress import duration
from prunescope.base.settings import Settings
from prunescope.base.text import counted, percent
from prunescope.experiment.facts import SourceFacts, StudyFacts
from prunescope.experiment.plan import Plan
from prunescope.experiment.schedule import fewest_workers, makespan
from prunescope.experiment.status import left_of, listed, needs_each, seconds_each, sorted_out
from prunescope.results.store import Store

_IDLE = 0.75  # the share of busy time below which the user is told what takes as long

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]


class Rates(Settings):
    """How fast one worker is, and how much there is to read: what a forecast is made from."""

    seconds: dict[str, Seconds]
    """Of each kind of stage, for one image that is shown; "level" is of training."""
    device: str
    """What it was measured on."""
    threads: Count
    """Of the worker."""
    images: Count
    """To train on."""
    test_images: Count
    concept_images: Count
    classes: Count
    labels: Count
    """Of the concepts."""

    @classmethod
    def read(cls, path: Path) -> "Rates":
        """Read them from what a dry run printed as JSON. Raises ConfigError."""
        how = "make it with: prunescope run RECIPE --dry-run --json > FILE"
        try:
            content = json.loads(path.read_text())
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ConfigError(f"{path} cannot be read as rates ({error}): {how}") from None
        if not isinstance(content, dict) or not isinstance(content.get("rates"), dict):
            raise ConfigError(f'{path} has no "rates": {how}')
        return cls.validate_from(content["rates"], str(path))

    @property
    def facts(self) -> StudyFacts:
        """What a plan needs of sources that are not at hand; its keys are of no use."""
        return StudyFacts(
            data=SourceFacts(fingerprint="", images=self.images, test_images=self.test_images),
            concepts=SourceFacts(fingerprint="", images=self.concept_images),
        )


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a run would do.

    to_do, done: titles of the stages. workers: processes in parallel, each with a GPU if `on_gpus`.
    seconds: until it is finished, as the rates say; None where a kind of stage is not timed.
    busy: the share of that time for which the workers work. enough: how few take as long.
    disk: bytes that the whole run folder will take, about.
    rates: what this was foreseen from. source: their file; empty where they were timed here.
    price: of a worker for an hour, in whichever currency.
    """

    to_do: tuple[str, ...]
    done: tuple[str, ...]
    workers: int
    on_gpus: bool
    seconds: float | None
    busy: float | None
    enough: int | None
    disk: int
    rates: Rates
    source: str = ""
    price: float | None = None

    @property
    def worker_hours(self) -> float | None:
        """Return the hours of all workers, from the first stage to the last."""
        return None if self.seconds is None else self.workers * self.seconds / 3600

    @property
    def cost(self) -> float | None:
        """Return what the workers cost; None without a price."""
        hours = self.worker_hours
        return None if hours is None or self.price is None else hours * self.price

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "to_do": self.to_do,
            "done": self.done,
            "workers": self.workers,
            "on_gpus": self.on_gpus,
            "seconds": self.seconds,
            "worker_hours": self.worker_hours,
            "busy": self.busy,
            "enough": self.enough,
            "disk": self.disk,
            "price": self.price,
            "cost": self.cost,
            "rates": self.rates.model_dump(mode="json"),
        }

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        stages = len(self.done) + len(self.to_do)
        lines = [
            *listed("to do", self.to_do),
            f"{len(self.done)} of {counted(stages, 'stage')} are done",
            f"time: {self._time()}",
        ]
        if self.busy is not None and self.enough is not None and self.busy < _IDLE:
            lines.append(
                f"      they would work for {percent(self.busy)} of it, since stages wait for one "
                f"another: {self.enough} would take as long"
            )
        if self.cost is not None:
            lines.append(
                f"cost: {self.cost:,.2f}, for {self.worker_hours:,.1f} hours at {self.price:,g}"
            )
        lines.append(f"disk: {self.disk / 2**20:,.0f} MiB")
        return "\n".join(lines)

    def _time(self) -> str:
        rates = self.rates
        workers = counted(self.workers, "GPU" if self.on_gpus else "worker")
        if not self.on_gpus:
            workers += f" of {counted(rates.threads, 'thread')}"
        how = f"rates of {self.source}" if self.source else "timed here"
        if self.seconds is None:
            return f"nobody knows how long ({workers})"
        return f"about {duration(self.seconds)} on {workers} ({rates.device}, {how})"


def forecast(
    plan: Plan,
    store: Store,
    rates: Rates,
    *,
    workers: int,
    on_gpus: bool,
    disk: int,
    price: float | None,
    source: str = "",
) -> DryRun:
    """Say what is still to do of a plan, and what it takes. The settings are those of DryRun.

    workers: stages beside each other. Where several processes share one, each is a worker of the
    forecast, and nothing is taken to be lost by sharing.
    """
    together = plan.study.recipe.sharing.count
    shared = {stage.title for stage in plan.stages if stage.shared}
    left = left_of(plan, store)
    to_do, done = sorted_out(plan, left)
    seconds, after = seconds_each(plan, left, rates.seconds), needs_each(plan)
    if seconds is not None:
        seconds = {
            title: each / together if title in shared else each for title, each in seconds.items()
        }
    span = None if seconds is None else makespan(seconds, after, workers)
    work = sum((seconds or {}).values())
    return DryRun(
        to_do=to_do,
        done=done,
        workers=workers * together,
        on_gpus=on_gpus,
        seconds=span,
        busy=work / (span * workers) if span else None,
        enough=None if seconds is None else together * fewest_workers(seconds, after, workers),
        disk=disk,
        rates=rates,
        source=source,
        price=price,
    )
