"""How is a network of a study trained?"""

from dataclasses import dataclass

from prunescope.base.steps import Step
from prunescope.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training from one step to another.

    seed: of order and augmentation. advice: what to do where it diverges.
    """

    settings: TrainingSettings
    seed: int
    start: Step
    end: Step
    advice: str = "Lower training.learning_rate or lengthen training.warmup"
