"""Event files for TensorBoard, in the run folder."""

from collections.abc import Mapping
from pathlib import Path

PACKAGE = "tensorboard"


class TensorBoard:
    """Writes the scalars of one training as event files into a folder."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        for path in folder.glob("events.out.tfevents.*"):  # of this training before it was stopped
            path.unlink()
        self._writer = SummaryWriter(log_dir=str(folder))

    def log(self, scalars: Mapping[str, float], iteration: int) -> None:
        """Write scalars at an iteration."""
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def open_tracker(folder: Path, study: str, training: str) -> TensorBoard:  # noqa: ARG001
    """Begin the event file of a training, in place of the one that it had before."""
    return TensorBoard(folder / training)
