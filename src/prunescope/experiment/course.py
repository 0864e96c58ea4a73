"""From which weights, and by which training, does a level recover?"""

from collections.abc import Callable
from dataclasses import dataclass

from prunescope.base.seeding import derive_seed
from prunescope.base.steps import Step
from prunescope.experiment.plan import Level
from prunescope.recipe import Recipe
from prunescope.results.artifacts import Artifact
from prunescope.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a level is trained.

    origin: whose weights it begins with, before its mask is applied. rewound: whether that is
    the rewinding step. seed: of order and augmentation.
    """

    origin: Artifact
    settings: TrainingSettings
    seed: int
    start: Step
    end: Step
    rewound: bool


def course_of(level: Level, study: Recipe, step: Callable[[str], Step]) -> Course | None:
    """Return how a level is trained; None for the given weights, which stay as they are.

    A rewound level, and level 0, train from the rewinding step to the end in level 0's order. A
    fine-tuned one trains on from the level before in an order of its own, so that no level sees
    again what the one before saw last.
    step: parses a step, for the photographs there are.
    """
    if level.previous is None and study.start is not None:
        return None
    strategy = study.pruning.strategies.get(level.strategy)  # none of level 0
    if level.previous is not None and strategy is not None and strategy.recovery == "finetune":
        assert strategy.learning_rate is not None  # the strategy's own check
        assert strategy.steps is not None
        return Course(
            origin=level.previous.artifact,
            settings=study.training.finetuning(strategy.learning_rate, strategy.steps),
            seed=derive_seed(level.moment.seed, "finetune", level.level),
            start=step("0it"),
            end=step(strategy.steps),
            rewound=False,
        )
    assert level.moment.artifact is not None  # the plan makes one where a level is rewound
    return Course(
        origin=level.moment.artifact,
        settings=study.training,
        seed=level.moment.seed,
        start=step(study.pruning.rewinding_step),
        end=step(study.training.to),
        rewound=True,
    )
