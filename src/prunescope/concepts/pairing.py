"""Which masks belong to which image?"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from prunescope.base.errors import DataError, nearest
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.base.text import on_one_line
from prunescope.concepts.names import Names

_INSTANCE = re.compile(r"_[0-9]+$")


@dataclass(frozen=True, kw_only=True)
class Marked:
    """An image that has masks.

    image: its path below `images/`
    coded: the path, below `masks/`, of the map of all its concepts; None without one
    single: number and path of each mask of one concept or an instance of it, by ascending number
    """

    image: str
    coded: str | None
    single: tuple[tuple[int, str], ...]

    @property
    def masks(self) -> tuple[str, ...]:
        """The paths of all its masks, below `masks/`."""
        return (() if self.coded is None else (self.coded,)) + tuple(p for _, p in self.single)

    @property
    def split(self) -> str:
        """The first folder the image lies in; empty where it lies in none."""
        folder, slash, _ = self.image.partition("/")
        return folder if slash else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairing:
    """The images of a folder that have masks, those that have none, and what cannot be paired."""

    marked: tuple[Marked, ...]
    unmarked: tuple[str, ...]
    faults: tuple[str, ...]


def pair_masks(root: Path, names: Names, *, keep_gone: bool = False) -> Pairing:
    """Find the images below `images/` and their masks below `masks/`, by their paths.

    The map of `images/a/b.jpg` is `masks/a/b.png`, a concept's own mask `masks/a/b/CONCEPT.png`,
    that of an instance `masks/a/b/CONCEPT_1.png`, unless `CONCEPT_1` is a concept, too. No file is
    opened.
    keep_gone: an image that is gone, but has masks, is one without a suffix, and no fault.
    Raises DataError where one of the two folders is missing.
    """
    for folder in ("images", "masks"):
        if not (root / folder).is_dir():
            raise DataError(f"{root} is no set of masks: it has no folder {folder}")
    matching = _Matching(root, names)
    for path in find_files(root / "images", IMAGE_SUFFIXES):
        matching.add_image(path.relative_to(root / "images").as_posix())
    masks = find_files(root / "masks", IMAGE_SUFFIXES)
    relative = [path.relative_to(root / "masks").as_posix() for path in masks]
    for mask in relative if keep_gone else ():
        matching.add_gone(mask)
    for mask in relative:
        matching.add_mask(mask)
    return matching.result()


class _Matching:
    """Images and masks found so far, by the path of an image without its suffix."""

    def __init__(self, root: Path, names: Names) -> None:
        self._root = root
        self._names = names
        self._images: dict[str, str] = {}
        self._coded: dict[str, str] = {}
        self._single: dict[str, dict[str, str]] = {}
        self._faults: list[str] = []

    def add_image(self, image: str) -> None:
        """Add an image."""
        key = _without_suffix(image)
        if other := self._images.get(key):
            self._refuse(
                "images", image, f"and {other} have one name, and so would their masks: rename one"
            )
        else:
            self._images[key] = image

    def add_gone(self, mask: str) -> None:
        """Add the image of a mask if it is not there; all others must have been added."""
        key = _without_suffix(mask)
        folder, _, concept = key.rpartition("/")
        if not mask.lower().endswith(".png") or {key, folder} & self._images.keys():
            return
        holds_images = any(other.startswith(f"{folder}/") for other in self._images)
        is_single = folder and self._number(concept) is not None and not holds_images
        gone = folder if is_single else key
        self._images[gone] = gone

    def add_mask(self, mask: str) -> None:
        """Assign a mask to its image; all images must have been added."""
        key = _without_suffix(mask)
        folder, _, concept = key.rpartition("/")
        is_map, is_single = key in self._images, folder in self._images
        if not mask.lower().endswith(".png"):
            self._refuse("masks", mask, "is no PNG, which alone keeps codes: save it as PNG")
        elif is_map and is_single:
            images = f"{self._images[key]} or a mask of {self._images[folder]}"
            self._refuse("masks", mask, f"could be the map of {images}: rename one image")
        elif is_map and key in self._coded:
            self._refuse("masks", mask, f"and {self._coded[key]} are maps of one image: keep one")
        elif is_map:
            self._coded[key] = mask
        elif is_single:
            self._add_single(folder, concept, mask)
        else:
            expected = f"no {self._root / 'images' / key} with a suffix {' '.join(IMAGE_SUFFIXES)}"
            self._refuse("masks", mask, f"has no image: there is {expected}; add it, or rename")

    def result(self) -> Pairing:
        """Return every image with its masks, in the order of the images' paths."""
        marked: list[Marked] = []
        unmarked: list[str] = []
        in_order = sorted(self._images.items(), key=lambda item: PurePosixPath(item[1]))
        for key, image in in_order:
            coded, single = self._coded.get(key), self._single_masks(key)
            if coded is None and not single:
                unmarked.append(image)
            else:
                marked.append(Marked(image=image, coded=coded, single=single))
        return Pairing(marked=tuple(marked), unmarked=tuple(unmarked), faults=tuple(self._faults))

    def _add_single(self, key: str, concept: str, mask: str) -> None:
        masks = self._single.setdefault(key, {})
        if self._number(concept) is None:
            self._refuse("masks", mask, self._unnamed(concept))
        elif concept in masks:
            self._refuse("masks", mask, f"and {masks[concept]} are masks of one name: keep one")
        else:
            masks[concept] = mask

    def _single_masks(self, key: str) -> tuple[tuple[int, str], ...]:
        masks = self._single.get(key, {})
        numbered = ((self._number(concept), mask) for concept, mask in masks.items())
        return tuple(sorted((number, mask) for number, mask in numbered if number is not None))

    def _number(self, concept: str) -> int | None:
        """Return the number of a concept, or of the one whose instance it is."""
        numbers = self._names.numbers
        return numbers.get(concept, numbers.get(_INSTANCE.sub("", concept)))

    def _unnamed(self, concept: str) -> str:
        base = _INSTANCE.sub("", concept)
        if not base or base.isdecimal():
            return (
                "is numbered, but does not say of which concept it is an instance: call it "
                f"CONCEPT_{concept.lstrip('_')}.png"
            )
        hint = nearest(base, self._names.numbers)
        whose = f'is the mask of "{on_one_line(concept)}"'
        return f"{whose}, which {self._names.path} does not name{hint}: rename it, or add a row"

    def _refuse(self, folder: str, path: str, fault: str) -> None:
        self._faults.append(f"{self._root / folder / path} {fault}")


def _without_suffix(path: str) -> str:
    return PurePosixPath(path).with_suffix("").as_posix()
