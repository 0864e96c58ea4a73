"""How is one network measured or dissected, outside any study?"""

from pathlib import Path

from prunescope.base.devices import default_device
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts import open_concepts
from prunescope.data.images import find_split, load_images
from prunescope.dissection.result import Dissection
from prunescope.dissection.run import dissect_as
from prunescope.dissection.settings import Channels, DissectionSettings
from prunescope.experiment.sources import data_folder, normalisation_of
from prunescope.networks import LoadedNetwork
from prunescope.training.evaluate import Evaluation, evaluate
from prunescope.training.settings import Precision


def evaluate_network(
    network: LoadedNetwork,
    source: str,
    *,
    split: str = "test",
    resolution: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    batch_size: int = 256,
    precision: Precision = "float32",
    device: str | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Return a network's accuracy and loss on a split of labelled images.

    resolution: side the images are squashed to; None takes them as they are.
    mean, std: normalisation; None takes the network's own. Raises ConfigError if it has none.
    """
    folder = data_folder(source, progress)
    images = load_images(
        folder, find_split(folder, split), resolution=resolution, progress=progress
    )
    return evaluate(
        network.module.to(device or default_device()),
        images,
        normalisation=normalisation_of(network.name, network.input, mean, std),
        batch_size=batch_size,
        precision=precision,
        progress=progress,
    )


def dissect_network(
    network: LoadedNetwork,
    settings: DissectionSettings,
    concepts: str,
    *,
    out: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
) -> Dissection:
    """Dissect a network as its own input wants it, and save the result under `out` if given.

    Raises ConfigError before any work where `out` holds something that is not a dissection.
    """
    if out is not None:
        _check_folder(out)
    if network.input is not None:
        settings = settings.model_copy(
            update={
                "resolution": settings.resolution or network.input.resolution,
                "mean": settings.mean or network.input.mean,
                "std": settings.std or network.input.std,
            }
        )
    dissection = dissect_as(
        settings,
        network.module,
        open_concepts(concepts, split=split, limit=limit, progress=progress),
        device=device or default_device(),
        progress=progress,
    )
    if out is not None:
        dissection.save(out)
    return dissection


def _check_folder(out: Path) -> None:
    if out.is_file():
        raise ConfigError(f"{out} is a file: give a folder as --out")
    if not out.is_dir():
        return
    for entry in sorted(out.iterdir()):
        if not (entry / "summary.json").is_file():
            raise ConfigError(
                f"{out} is not empty and not a dissection (it holds {entry.name}): "
                "give another --out"
            )
