"""Where do a study's photographs and concepts come from, and what are they, exactly?"""

from functools import cached_property

from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.scenes import scenes_folder
from prunescope.data.images import count_images, find_split, load_images, source_fingerprint
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.loader import Normalisation
from prunescope.data.sizing import CentreCrop, Sizing
from prunescope.networks import NetworkInput, network_input
from prunescope.study import Study


def data_folder(source: str, progress: Progress = SILENT) -> str:
    """Return where labelled images lie: the embedded set, once drawn, or the source itself."""
    return str(scenes_folder(progress=progress) / "images") if source == "scenes" else source


def normalisation_of(
    name: str, known: NetworkInput | None, mean: Channels | None, std: Channels | None
) -> Normalisation:
    """Return how channels are normalised: as stated, else as the network is known to want it.

    Raises ConfigError where neither says.
    """
    mean = mean or (known.mean if known else None)
    std = std or (known.std if known else None)
    if mean is None or std is None:
        raise ConfigError(f"nothing says how {name} normalises images: give mean and std")
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

    def __init__(self, study: Study, progress: Progress = SILENT) -> None:
        self._study = study
        self._progress = progress

    @cached_property
    def data_fingerprint(self) -> str:
        """Identity of the photographs."""
        return source_fingerprint(self._data)

    @cached_property
    def concepts_fingerprint(self) -> str:
        """Identity of the concepts."""
        return self.concepts.fingerprint

    @cached_property
    def concepts(self) -> ConceptSet:
        """The pictures with labelled concepts."""
        concepts, rules = self._study.concepts, self._study.dissection.rules
        return open_concepts(
            concepts.source,
            split=rules.images_of(concepts.split),
            limit=concepts.limit,
            progress=self._progress,
        )

    @cached_property
    def train_count(self) -> int:
        """How many photographs there are to train on, found without reading them."""
        return count_images(self._data, find_split(self._data, self._study.data.train_split))

    @cached_property
    def train_images(self) -> Images:
        """The photographs to train on."""
        data, augmentation = self._study.data, self._study.training.augmentation
        cropped = augmentation is not None and augmentation.random_resized_crop is not None
        return self._load(data.train_split, Sizing(resolution=data.resolution), cropped=cropped)

    @cached_property
    def test_images(self) -> Images:
        """The photographs to measure accuracy on."""
        data = self._study.data
        return self._load(data.test_split, test_sizing(data.resolution, data.evaluation))

    @cached_property
    def normalisation(self) -> Normalisation:
        """How channels are normalised, in training and dissection alike."""
        network, data = self._study.network, self._study.data
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
        return self._study.dissection.resolution or self.train_images.size[0]

    @cached_property
    def _data(self) -> str:
        return data_folder(self._study.data.source, self._progress)

    def _load(self, split: str, sizing: Sizing, *, cropped: bool = False) -> Images:
        return load_images(
            self._data,
            find_split(self._data, split),
            sizing=sizing,
            cropped=cropped,
            memory=int(self._study.data.memory),
            progress=self._progress,
        )
