"""What do error barriers say of the steps that networks may be rewound to?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from prunescope.base.text import align

STABLE = 2.0
"""Below how many points of test error the authors call training stable (section 3)."""


@dataclass(frozen=True, kw_only=True)
class Instability:
    """The error barriers of rewind points, in points of test error.

    barriers: a row per rewind point, replicate and twin. lines: the test error, as a share, at each
    point of each line, from level 0 (0) to the twin (1).
    """

    barriers: pd.DataFrame
    lines: pd.DataFrame

    @property
    def by_step(self) -> dict[str, float]:
        """The mean barrier of each rewind point, in training order."""
        ordered = self.barriers.sort_values("iteration", kind="stable")
        means = ordered.groupby("rewind_to", sort=False)["barrier"].mean()
        return {str(name): float(barrier) for name, barrier in means.items()}

    @property
    def advice(self) -> str | None:
        """The earliest step of those tried that is stable; None where none is."""
        stable = [name for name, barrier in self.by_step.items() if barrier < STABLE]
        return stable[0] if stable else None

    def as_dict(self) -> dict[str, object]:
        """Return the barriers by name, for a program."""
        steps = [{"rewind_to": name, "barrier": barrier} for name, barrier in self.by_step.items()]
        return {"steps": steps, "stable_below": STABLE, "rewind_to": self.advice}

    def __str__(self) -> str:
        rows = [(name, f"{barrier:.1f}") for name, barrier in self.by_step.items()]
        table = align([("rewind to", "barrier (points)"), *rows])
        if self.advice is None:
            said = (
                f"No step is stable (below {STABLE:g} points): tickets rewound to these would not "
                "reach the dense network's accuracy; try later steps"
            )
        else:
            said = (
                f"Rewind to {self.advice}, the earliest of these that is stable "
                f"(below {STABLE:g} points)"
            )
        return f"{table}\n{said}"


def error_barrier(errors: np.ndarray) -> float:
    """Return the largest rise of an error above the mean of its ends, in points, at least 0.

    errors: shares, at points of a line, its ends first and last.
    """
    ends = (errors[0] + errors[-1]) / 2
    return float(100 * max(0.0, errors.max() - ends))
