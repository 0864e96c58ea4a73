"""Where do a study's photographs and concepts come from, and what are they, exactly?"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from os import stat_result
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import fingerprint
from prunescope.base.images import Channels
from prunescope.base.paths import find_files
from prunescope.base.progress import SILENT, Progress
from prunescope.base.recall import recall
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.scenes import scenes_are_drawn, scenes_folder
from prunescope.data.images import (
    count_classes,
    count_images,
    find_split,
    load_images,
    passed_over,
    source_fingerprint,
)
from prunescope.data.labelled import Images, StreamedImages
from prunescope.data.sizing import CentreCrop
from prunescope.data.sources import folders_of
from prunescope.experiment.known import Known, recorded
from prunescope.imaging.network_input import NetworkInput, Normalisation
from prunescope.imaging.sizing import Sizing
from prunescope.networks import network_input
from prunescope.recipe import Recipe


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
        missing = [n for n, value in (("mean", mean), ("std", std)) if value is None]
        given = " and ".join(missing)
        raise ConfigError(
            f"nothing says how {name} normalises images: give {given} (in a recipe "
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
    """A study's photographs and concepts, read when first asked for and kept.

    data, concepts: what is known of either already, so that nobody looks at them to find it out.
    """

    def __init__(
        self,
        study: Recipe,
        progress: Progress = SILENT,
        *,
        data: Known | None = None,
        concepts: Known | None = None,
    ) -> None:
        self._study = study
        self._progress = progress
        self._known_data = data
        self._known_concepts = concepts

    @cached_property
    def known_data(self) -> Known:
        """Identity of the photographs, and how many there are to train on."""
        if self._known_data is not None:
            return self._known_data
        split = find_split(self._data, self._study.data.train_split)
        classes = self._study.data.classes
        content = _fingerprint_images(self._data)
        if classes is not None:  # they decide which images there are, and their labels
            content = fingerprint([content, classes])
        return Known(fingerprint=content, images=count_images(self._data, split, classes))

    @cached_property
    def known_concepts(self) -> Known:
        """Identity of the concepts, and the number of their pictures."""
        if self._known_concepts is not None:
            return self._known_concepts
        return Known(fingerprint=self.concepts.fingerprint, images=len(self.concepts.images))

    @property
    def data_fingerprint(self) -> str:
        """Identity of the photographs."""
        return self.known_data.fingerprint

    @property
    def concepts_fingerprint(self) -> str:
        """Identity of the concepts."""
        return self.known_concepts.fingerprint

    @cached_property
    def concepts(self) -> ConceptSet:
        """The pictures with labelled concepts."""
        concepts, rules = self._study.concepts, self._study.dissection.rules
        return open_concepts(
            concepts.source,
            split=rules.images_of(concepts.split),
            limit=concepts.limit,
            mask_size=concepts.mask_size,
            progress=self._progress,
        )

    @property
    def train_count(self) -> int:
        """How many photographs there are to train on."""
        return self.known_data.images

    @cached_property
    def class_count(self) -> int:
        """How many classes the photographs are of."""
        data = self._study.data
        return count_classes(self._data, find_split(self._data, data.train_split), data.classes)

    @property
    def passed_over(self) -> str | None:
        """What is said of photographs that lie beside those of the splits."""
        return passed_over(self._data)

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
            classes=self._study.data.classes,
            memory=int(self._study.data.memory),
            progress=self._progress,
        )


def look_again(
    study: Recipe, record: Mapping[str, dict[str, Any]], progress: Progress = SILENT
) -> tuple[Sources, dict[str, str]]:
    """Return a run's sources, taken as it recorded them where they can no longer be read.

    record: as `record_known` wrote it. So that looking at a run never draws or downloads, what
    lies in no folder of the user's is taken as recorded too.
    Returns also why "data" or "concepts" could not be read. Raises DataError for one that cannot,
    and that the record does not have.
    """
    fresh = Sources(study, progress)
    looks: dict[str, tuple[str, Callable[[], Known]]] = {
        "data": (study.data.source, lambda: fresh.known_data),
        "concepts": (study.concepts.source, lambda: fresh.known_concepts),
    }
    found: dict[str, Known] = {}
    unread: dict[str, str] = {}
    for name, (source, look) in looks.items():
        before = recorded(study, record, name)
        if not _is_at_hand(source):
            if before is not None:
                found[name] = before
                continue
            if source != "scenes" and ":" not in source:
                raise DataError(
                    f'{name}.source is "{source}", no folder here, of which the run records '
                    "nothing, and looking at a run downloads nothing: run its study to go on"
                )
        try:
            found[name] = look()
        except DataError as error:
            if before is None:
                raise
            found[name], unread[name] = before, str(error)
    return Sources(study, progress, **found), unread


def _is_at_hand(source: str) -> bool:
    """Say whether a source can be looked at without drawing it or asking a hub."""
    if source == "scenes":
        return scenes_are_drawn()
    places = (Path(source).expanduser(), Path(source.partition(":")[2] or source).expanduser())
    return any(place.is_absolute() or place.exists() for place in places)


def _fingerprint_images(source: str) -> str:
    """Return the identity of labelled images, without reading a folder that has not changed."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return source_fingerprint(source)
    kind = f"images 2 {folder.absolute()} {folders_of(folder)}"
    return recall(kind, _files(folder), lambda: source_fingerprint(source))


def _files(folder: Path) -> Iterator[tuple[Path, stat_result]]:
    for path in find_files(folder, ("",)):
        yield path, path.stat()
