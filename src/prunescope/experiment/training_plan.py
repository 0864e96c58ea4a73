"""How is a network of a study trained?"""

from dataclasses import dataclass, replace

from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training from one step to another.

    advice: what to do where it diverges.
    """

    settings: TrainingSettings
    seeds: Seeds
    start: Step
    end: Step
    advice: str = "Lower training.learning_rate or lengthen training.warmup"

    @property
    def kept(self) -> tuple[Step, ...]:
        """The steps whose weights are kept, beside those of the end."""
        kept = self.settings.kept_between(self.start, self.end)
        return tuple(Step(iteration, self.start.per_epoch) for iteration in kept)

    def stretched(self, factor: float) -> "TrainingPlan":
        """Return a training that takes `factor` times as many steps, with its schedule."""
        per_epoch = self.end.per_epoch

        def times(text: str) -> str:
            return str(Step(round(Step.parse(text, per_epoch).iteration * factor), per_epoch))

        schedule = {
            "to": times(self.settings.to),
            "warmup": times(self.settings.warmup),
            "milestones": tuple(map(times, self.settings.milestones)),
        }
        return replace(
            self,
            settings=self.settings.model_copy(update=schedule),
            start=Step(round(self.start.iteration * factor), per_epoch),
            end=Step(round(self.end.iteration * factor), per_epoch),
        )
