"""How are the statistics of one pruned network estimated anew, outside any study?"""

from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import counted
from prunescope.data.images import find_split, load_images
from prunescope.experiment.measuring import sizing_of
from prunescope.experiment.source_facts import data_folder
from prunescope.experiment.sources import normalisation_of
from prunescope.networks.loading import LoadedNetwork
from prunescope.training.recalibration import check_recalibration, recalibrate

BATCHES, BATCH_SIZE = 100, 64


def recalibrate_loaded(
    network: LoadedNetwork, source: str, *, split: str = "train", progress: Progress = SILENT
) -> str:
    """Estimate a network's normalisation statistics anew on labelled images, in place.

    They become means over 100 batches of 64 images of the split, in an order of seed 0, or over as
    many batches as make two epochs of a smaller split; weights stay as they are.
    source: as the command `evaluate` takes it. Returns what was done, in words.
    Raises ConfigError for a network without batch normalisation, or images that do not fit it;
    DataError for a source or split that cannot be read.
    """
    check_recalibration(network.module)
    folder = data_folder(source, progress)
    found = find_split(folder, split)
    normalisation = normalisation_of(network.name, network.input, None, None)
    images = load_images(
        folder, found, sizing=sizing_of(network, None, None, progress), progress=progress
    )
    if len(images) < 2:
        raise ConfigError(f"{source} has {counted(len(images), 'image')} in {found}: give more")
    batches = min(BATCHES, max(1, 2 * len(images) // BATCH_SIZE))
    layers = recalibrate(
        network.module,
        images,
        batches=batches,
        batch_size=BATCH_SIZE,
        normalisation=normalisation,
        progress=progress,
    )
    network.module.eval()
    return (
        f"the statistics of {counted(layers, 'normalisation')} were estimated anew on "
        f"{counted(batches, 'batch', 'batches')} of {BATCH_SIZE} images of {source} ({found})"
    )
