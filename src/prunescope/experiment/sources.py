"""How are a study's photographs and concepts read?"""

from functools import cached_property

from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import Divisible
from prunescope.data.images import (
    AS_LABELLED,
    ForTraining,
    count_classes,
    find_split,
    load_images,
    passed_over,
)
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.settings import CentreCrop
from prunescope.experiment.source_facts import concepts_of, data_folder
from prunescope.imaging.network_input import NetworkInput, Normalisation
from prunescope.imaging.sizing import Sizing
from prunescope.networks.registry import network_input
from prunescope.recipe import Recipe


def normalisation_of(
    name: str, expected: NetworkInput | None, mean: Channels | None, std: Channels | None
) -> Normalisation:
    """Return how channels are normalised: as stated, else as the network is known to want it.

    Raises ConfigError where neither says.
    """
    mean = mean or (expected.mean if expected else None)
    std = std or (expected.std if expected else None)
    if mean is None or std is None:
        missing = [n for n, value in (("mean", mean), ("std", std)) if value is None]
        settings = " and ".join(missing)
        raise ConfigError(
            f"nothing says how {name} normalises images: give {settings} (in a recipe "
            f"{' and '.join(f'data.{n}' for n in missing)}, on the command line "
            f"{' and '.join(f'--{n}' for n in missing)})"
        )
    return Normalisation(mean=mean, std=std)


def test_sizing(resolution: int | None, crop: CentreCrop | None) -> Sizing:
    """Return how photographs are sized to measure accuracy on. Raises ConfigError without a size.

    crop: None squashes them to the resolution.
    """
    if crop is None:
        return Sizing(resolution=resolution)
    side = crop.crop or resolution
    if side is None or side > crop.resize:
        raise ConfigError(
            f"the centre crop is {side or 'of no stated size'}, but must be at most the shorter "
            f"side, {crop.resize}: state the crop, or a resolution that fits"
        )
    return Sizing(resolution=side, shorter_side=crop.resize)


class Sources:
    """A study's photographs and concepts, read when first asked for and kept."""

    def __init__(self, recipe: Recipe, progress: Progress = SILENT) -> None:
        self._recipe = recipe
        self._progress = progress

    @cached_property
    def concepts(self) -> Divisible:
        """The pictures with labelled concepts."""
        return concepts_of(self._recipe, self._progress)

    @cached_property
    def class_count(self) -> int:
        """How many classes the photographs are of."""
        data = self._recipe.data
        return count_classes(self._data, find_split(self._data, data.train_split), data.classes)

    @property
    def passed_over(self) -> str | None:
        """What is said of photographs that lie beside those of the splits."""
        return passed_over(self._data)

    @cached_property
    def train_images(self) -> Images:
        """The photographs to train on."""
        data, augmentation = self._recipe.data, self._recipe.training.augmentation
        cropped = augmentation is not None and augmentation.random_resized_crop is not None
        return self._load(
            data.train_split,
            Sizing(resolution=data.resolution),
            cropped=cropped,
            training=ForTraining(limit=data.limit, label_noise=data.label_noise),
        )

    @cached_property
    def test_images(self) -> Images:
        """The photographs to measure accuracy on."""
        data = self._recipe.data
        return self._load(data.test_split, test_sizing(data.resolution, data.evaluation))

    @cached_property
    def normalisation(self) -> Normalisation:
        """How channels are normalised, in training and dissection alike."""
        network, data = self._recipe.network, self._recipe.data
        return normalisation_of(network, network_input(network), data.mean, data.std)

    def make_ready(self) -> None:
        """Prepare photographs that are read as they are needed to be read in any order."""
        if isinstance(self.train_images, StreamedImages):
            self.train_images.stored.prepare(self._progress)

    def let_go(self) -> None:
        """Free the memory of the photographs; they are read again when they are asked for."""
        for name in ("train_images", "test_images"):
            self.__dict__.pop(name, None)

    @property
    def side(self) -> int:
        """Side in pixels of what networks are dissected on: as stated, else as they are trained."""
        return self._recipe.dissection.resolution or self.train_images.size[0]

    @cached_property
    def _data(self) -> str:
        return data_folder(self._recipe.data.source, self._progress)

    def _load(
        self,
        split: str,
        sizing: Sizing,
        *,
        cropped: bool = False,
        training: ForTraining = AS_LABELLED,
    ) -> Images:
        return load_images(
            self._data,
            find_split(self._data, split),
            sizing=sizing,
            cropped=cropped,
            classes=self._recipe.data.classes,
            training=training,
            memory=int(self._recipe.data.memory),
            progress=self._progress,
        )
