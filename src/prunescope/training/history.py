"""What happened during training, epoch by epoch?"""

import json
from dataclasses import asdict, dataclass, field

import pandas as pd

from prunescope.base.files import canonical_json
from prunescope.base.steps import Step
from prunescope.results.forms import COUNT, NUMBER, Fields, Object, Rows, fault_in

_COLUMNS = {
    "epoch": "int64",
    "iteration": "int64",
    "learning_rate": "float64",
    "train_loss": "float64",
    "train_accuracy": "float64",
    "test_accuracy": "float64",
}
_MAY_LACK = {"test_accuracy"}

_FORM: Fields = {
    "rows": Rows(
        Object(
            {
                name: COUNT if kind == "int64" else NUMBER
                for name, kind in _COLUMNS.items()
                if name not in _MAY_LACK
            }
            | dict.fromkeys(_MAY_LACK, NUMBER.or_none)
        )
    ),
    **{"images": COUNT, "loss": NUMBER, "right": COUNT},
}


@dataclass(kw_only=True)
class History:
    """A row per epoch, or part of one, and the sums of the row that is not finished.

    Sums run in float64 in the order of the steps, so an interruption changes no bit of them.
    """

    rows: list[dict[str, int | float | None]] = field(default_factory=list)
    images: int = 0
    loss: float = 0.0
    right: int = 0

    @classmethod
    def from_text(cls, text: str) -> "History":
        """Read what `as_text` wrote. Raises ValueError where it is not that."""
        values = json.loads(text)
        fault = fault_in(values, Object(_FORM))
        if fault is not None:
            raise ValueError(fault)
        return cls(**values)

    def as_text(self) -> str:
        """Write everything as JSON, exactly."""
        return canonical_json(asdict(self))

    @property
    def is_open(self) -> bool:
        """Whether a row has begun that is not finished."""
        return self.images > 0

    def add(self, *, images: int, loss: float, right: int) -> None:
        """Count a batch: its size, its mean loss, its number of right answers."""
        self.images += images
        self.loss += loss * images
        self.right += right

    def close_row(
        self, last: Step, learning_rate: float, test_accuracy: float | None = None
    ) -> None:
        """Finish a row with the step taken last, its learning rate, and the accuracy after it."""
        self.rows.append(
            {
                "epoch": last.epoch,
                "iteration": last.iteration + 1,
                "learning_rate": learning_rate,
                "train_loss": self.loss / self.images,
                "train_accuracy": self.right / self.images,
                "test_accuracy": test_accuracy,
            }
        )
        self.images, self.loss, self.right = 0, 0.0, 0

    def table(self) -> pd.DataFrame:
        """Return the finished rows.

        epoch: the epoch (from 0) the row lies in; iteration: iterations taken by its end;
        learning_rate: of its last iteration; train_loss, train_accuracy: means over its images,
        augmented, each before the step it was used for; test_accuracy: top-1 on the test images
        after its last iteration, nan where it was not measured.
        """
        return pd.DataFrame(self.rows, columns=list(_COLUMNS)).astype(_COLUMNS)
