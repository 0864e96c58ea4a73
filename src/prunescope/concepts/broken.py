"""Which images of a concept set are broken, and how is a network dissected without them?"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from PIL import Image
from PIL import __version__ as pillow

from prunescope.base.cache import cache_folder, turn_to_make
from prunescope.base.errors import ConfigError, DataError, StoreError
from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.base.reading import read_ahead
from prunescope.base.text import counted, on_one_line, shortened
from prunescope.concepts.label_makers import Records, makers_of
from prunescope.concepts.protocol import Annotation, ConceptSet, Divisible, splits_of
from prunescope.results.left_out import left_out_text

MOST = 1
"""How many percent of a set's images may be left out."""
_LONGEST = 300


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An image that is left out since it, or one of its label maps, cannot be read.

    reason: in a line, without the path of the set.
    """

    image: str
    reason: str


class WithoutBroken:
    """A concept set without its broken images: the same as if it had never had them.

    The whole set is read once, when its images are first asked for. What was found is remembered in
    the cache until a file changes. Raises DataError then if they are more than `MOST` % of all.
    """

    def __init__(self, source: Divisible, progress: Progress = SILENT) -> None:
        """Take the set with all its images. progress: is told what is left out."""
        self.source, self._progress = source, progress
        self.name, self.categories, self.labels = source.name, source.categories, source.labels

    @cached_property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The broken images, in the order of the set."""
        return tuple(
            LeftOut(image=self.source.images[index], reason=reason)
            for index, reason in self._broken.items()
        )

    @cached_property
    def sound(self) -> Divisible:
        """The set of all other images; the whole set if none is broken."""
        count = len(self.source.images)
        kept = [index for index in range(count) if index not in self._broken]
        return self.source if len(kept) == count else self.source.part(kept)

    @property
    def images(self) -> tuple[str, ...]:
        """The path of every image that is not broken."""
        return self.sound.images

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of these."""
        return splits_of(self.sound)

    @property
    def labelled_by(self) -> Records:
        """The networks that made the set's labels."""
        return makers_of(self.source)

    @property
    def fingerprint(self) -> str:
        """That of a set which never had the broken images."""
        return self.sound.fingerprint

    @property
    def tolerant_fingerprint(self) -> str:
        """That of the whole set, broken images included, which are not looked for."""
        return self.source.tolerant_fingerprint

    def part(self, indices: Sequence[int]) -> Divisible:
        """Return the set of some of the images that are not broken."""
        return self.sound.part(indices)

    def of(self, source: Divisible) -> "WithoutBroken":
        """Return the same of another form of the set."""
        return WithoutBroken(source, self._progress)

    def image_path(self, index: int) -> Path:
        """Return the path of an image."""
        return self.sound.image_path(index)

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB."""
        with self._still_sound():
            return self.sound.read_image(index)

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image."""
        with self._still_sound():
            return self.sound.read_annotation(index)

    @cached_property
    def _broken(self) -> dict[int, str]:
        """Return why each broken image is, by its index."""
        with ExitStack() as turn:
            with suppress(ConfigError):  # where nothing can be kept, it is looked for again
                turn.enter_context(turn_to_make(self._kept_in, "what is broken"))
            broken = _remembered(self._kept_in, len(self.source.images))
            if broken is None:
                broken = find_broken(self.source, self._progress)
                with suppress(OSError, StoreError):
                    write_atomically(self._kept_in, json.dumps(list(broken.items())).encode())
        self._progress.say_all(left_out_text([self.source.images[i] for i in broken]))
        return broken

    @cached_property
    def _kept_in(self) -> Path:
        decides = f"1 {pillow} {self.source.tolerant_fingerprint}"
        name = hashlib.sha256(decides.encode()).hexdigest()
        return cache_folder() / "broken" / f"{name}.json"

    @contextmanager
    def _still_sound(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            with suppress(OSError):
                self._kept_in.unlink(missing_ok=True)
            raise DataError(
                f"{error}; it could be read when the set was checked: run this again, which checks "
                "the set anew"
            ) from error


def without_broken(concepts: ConceptSet, progress: Progress = SILENT) -> WithoutBroken:
    """Return a set without its broken images.

    Raises ConfigError for one that is not `Divisible`.
    """
    if not isinstance(concepts, Divisible):
        raise ConfigError(
            f"skip_broken leaves images out, but {concepts.name} is a {type(concepts).__name__}, "
            "which has no method part: give it part and tolerant_fingerprint, or leave out "
            "skip_broken"
        )
    return WithoutBroken(concepts, progress)


def find_broken(concepts: Divisible, progress: Progress = SILENT) -> dict[int, str]:
    """Read every image and its labels; return why those that cannot be read are broken, by index.

    Raises DataError as soon as they are more than `MOST` % of all images.
    """
    images = concepts.images
    root = str(_root(concepts)) if images else ""

    def fault_of(index: int) -> str | None:
        try:
            concepts.read_image(index)
            concepts.read_annotation(index)
        except DataError as error:
            line = str(error).partition("\n")[0].replace(f"{root}/", "")
            return shortened(on_one_line(line), _LONGEST)
        return None

    broken: dict[int, str] = {}
    with (
        progress.task(f"looking for broken images of {concepts.name}", len(images)) as task,
        closing(read_ahead(fault_of, range(len(images)))) as faults,
    ):
        for index, fault in enumerate(faults):
            task.advance()
            if fault is None:
                continue
            broken[index] = fault
            if 100 * len(broken) > MOST * len(images):
                raise DataError(
                    f"more than {MOST} % of the {counted(len(images), 'image')} of "
                    f"{concepts.name} cannot be read ({len(broken):,} of the first {index + 1:,}), "
                    f"such as {images[index]}: {fault}; too many to be left out: mend them, which "
                    f"`prunescope concepts check {quote(concepts.name)}` lists"
                )
    return broken


@contextmanager
def advising(concepts: ConceptSet) -> Iterator[None]:
    """Add to the error that an image of a set is broken what can be done about it."""
    try:
        yield
    except DataError as error:
        if isinstance(concepts, WithoutBroken):
            raise
        raise DataError(
            f"{error}; mend it, or leave out broken images, at most {MOST} % of all: "
            "--skip-broken (`skip_broken: true` below `dissection` in a recipe); "
            f"`prunescope concepts check {quote(concepts.name)}` lists them"
        ) from error


def _root(concepts: ConceptSet) -> Path:
    """Return the folder of a set, whose images lie in a folder of it."""
    image = concepts.images[0]
    return Path(str(concepts.image_path(0)).removesuffix(image)).parent


def _remembered(path: Path, images: int) -> dict[int, str] | None:
    """Read which images of so many are broken; None where that is not known."""
    with suppress(OSError, ValueError, TypeError, RecursionError):
        rows = json.loads(path.read_bytes())
        broken = {int(index): str(reason) for index, reason in rows}
        is_sound = isinstance(rows, list) and all(0 <= index < images for index in broken)
        if is_sound and 100 * len(broken) <= MOST * images:
            return broken
    return None
