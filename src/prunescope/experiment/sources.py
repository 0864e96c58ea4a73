"""Where do a study's photographs and concepts come from, and what are they, exactly?"""

from functools import cached_property

from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.scenes import scenes_folder
from prunescope.data.images import (
    LabelledImages,
    count_images,
    find_split,
    load_images,
    source_fingerprint,
)
from prunescope.data.loader import Normalisation
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
    def train_images(self) -> LabelledImages:
        """The photographs to train on."""
        return self._load(self._study.data.train_split)

    @cached_property
    def test_images(self) -> LabelledImages:
        """The photographs to measure accuracy on."""
        return self._load(self._study.data.test_split)

    @cached_property
    def normalisation(self) -> Normalisation:
        """How channels are normalised, in training and dissection alike."""
        network, data = self._study.network, self._study.data
        return normalisation_of(network, network_input(network), data.mean, data.std)

    def let_go(self) -> None:
        """Free the memory of the photographs; they are read again when they are asked for."""
        for name in ("train_images", "test_images"):
            self.__dict__.pop(name, None)

    @property
    def side(self) -> int:
        """Side in pixels of what networks are dissected on: as stated, else as they are trained."""
        return self._study.dissection.resolution or self.train_images.pixels.shape[1]

    @cached_property
    def _data(self) -> str:
        return data_folder(self._study.data.source, self._progress)

    def _load(self, split: str) -> LabelledImages:
        data = self._study.data
        return load_images(
            self._data,
            find_split(self._data, split),
            resolution=data.resolution,
            memory=int(data.memory),
            progress=self._progress,
        )
