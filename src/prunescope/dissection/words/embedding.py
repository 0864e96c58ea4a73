"""How close is each image of a set to each word, according to an encoder?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError, InputError, first_line
from prunescope.base.files import fingerprint
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.reading import read_ahead
from prunescope.base.text import a_kind, on_one_line, shortened
from prunescope.base.user_code import raised
from prunescope.concepts.broken import advising
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.words.encoder import Encoder, open_encoder
from prunescope.dissection.words.settings import WordSettings
from prunescope.dissection.words.vocabulary import read_words

_BATCH = 32  # images or words at a time
_WORDS_AT_A_TIME = 256


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Rows of length 1 for the images of a set and for words, whose products are their cosines."""

    words: tuple[str, ...]
    of_images: Float64[Tensor, "image size"]
    of_words: Float64[Tensor, "word size"]


def embed(
    settings: WordSettings,
    concepts: ConceptSet,
    device: torch.device,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Embedded:
    """Encode the words of a file and the images of a set, each as the encoder wants them.

    ranks: the processes that share the images; each gets all rows.
    Raises ConfigError or DataError for a file of words that cannot be read, an encoder that cannot
    be opened or that fails, whose two sides do not match, or that has no direction for something.
    """
    assert settings.file is not None
    assert settings.encoder is not None
    words = read_words(settings.file)
    _check_agreement(words, settings, ranks)
    encoder = open_encoder(settings.encoder, device, progress)
    name = f'encoder "{on_one_line(shortened(settings.encoder))}"'
    of_words = _rows_of_words(encoder, words, name)
    indices = range(len(concepts.images))[ranks.rank :: ranks.count]
    own: dict[int, Tensor] = {}
    with progress.task(f"encoding {len(words):,} words and the images", len(indices)) as task:
        for batch, rows in _rows_of_images(encoder, concepts, indices, name):
            _check_sides(rows, of_words, name)
            own |= dict(zip(batch, rows, strict=True))
            task.advance(len(batch))
    every = {index: row for held in ranks.gather(own) for index, row in held.items()}
    of_images = torch.stack([every[index] for index in range(len(concepts.images))])
    return Embedded(
        words=words,
        of_images=_of_length_one(of_images, concepts.images, "image", name),
        of_words=_of_length_one(of_words, words, "word", name),
    )


def _check_agreement(words: Sequence[str], settings: WordSettings, ranks: Ranks) -> None:
    """Raise ConfigError where processes that share the images were given other words."""
    stated = settings.model_dump(mode="json", exclude={"words"})
    found = ranks.gather(fingerprint([list(words), stated]))
    if len(set(found)) > 1:
        raise ConfigError(
            "the processes that share the images were given other words, or other settings of "
            "them: give all of them the same"
        )


def _rows_of_words(encoder: Encoder, words: Sequence[str], name: str) -> Tensor:
    parts = []
    for start in range(0, len(words), _WORDS_AT_A_TIME):
        batch = words[start : start + _WORDS_AT_A_TIME]
        parts.append(_rows(encoder.encode_words, list(batch), f"{name}: encode_words"))
    _check_lengths(parts, f"{name}: encode_words")
    return torch.cat(parts)


def _rows_of_images(
    encoder: Encoder, concepts: ConceptSet, indices: Sequence[int], name: str
) -> Iterator[tuple[Sequence[int], Tensor]]:
    """Yield the indices of a few images, and their rows."""
    batches = [indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH)]

    def read(batch: Sequence[int]) -> tuple[Sequence[int], list[Any]]:
        with advising(concepts):
            return batch, [concepts.read_image(index) for index in batch]

    with closing(read_ahead(read, batches, ahead=1)) as pictures:
        for batch, images in pictures:
            yield batch, _rows(encoder.encode_images, images, f"{name}: encode_images")


def _rows(encode: Callable[[Any], Any], items: list[Any], name: str) -> Float64[Tensor, "row size"]:
    """Return what one side of an encoder makes of a few things, on the CPU.

    Raises ConfigError where it fails, or returns anything but a row of numbers for each.
    """
    try:
        made = encode(items)
    except InputError:
        raise
    except torch.OutOfMemoryError as error:
        raise ConfigError(f"{name} fails: {first_line(error)}; compute on cpu") from error
    except (Exception, SystemExit) as error:  # whatever user code raises
        raise ConfigError(f"{name} fails: {raised(error)}") from error
    if isinstance(made, np.ndarray):
        made = torch.from_numpy(made)
    if not isinstance(made, Tensor) or made.ndim != 2 or made.is_complex():
        form = f"a tensor of {made.ndim} axes" if isinstance(made, Tensor) else a_kind(made)
        raise ConfigError(
            f"{name} returns {form}, but must return an array or a tensor of two axes: a row of "
            "numbers for each"
        )
    if len(made) != len(items):
        raise ConfigError(f"{name} returns {len(made):,} rows for {len(items):,}: return one each")
    return made.detach().to("cpu", torch.float64)


def _check_lengths(parts: Sequence[Tensor], name: str) -> None:
    sizes = {part.shape[1] for part in parts}
    if len(sizes) > 1:
        lengths = " and ".join(f"{size:,}" for size in sorted(sizes))
        raise ConfigError(f"{name} returns rows of {lengths} numbers: they must be of one length")


def _check_sides(of_images: Tensor, of_words: Tensor, name: str) -> None:
    """Raise ConfigError where images and words have rows of other lengths."""
    if of_images.shape[1] != of_words.shape[1]:
        raise ConfigError(
            f"the two sides of {name} do not match: it makes {of_images.shape[1]:,} numbers of an "
            f"image, but {of_words.shape[1]:,} of a word; take a model that was trained with both"
        )


def _of_length_one(
    rows: Float64[Tensor, "row size"], names: Sequence[str], what: str, encoder: str
) -> Float64[Tensor, "row size"]:
    """Scale rows to length 1. Raises DataError for one that is not finite, or 0 throughout."""
    lengths = rows.norm(dim=1)
    wrong = (~(lengths.isfinite() & (lengths > 0))).nonzero().flatten()
    if len(wrong):
        index = int(wrong[0])
        kind = "only zeros" if lengths[index] == 0 else "numbers that are not finite"
        raise DataError(
            f"{encoder} makes {kind} of the {what} {on_one_line(shortened(names[index]))}, so that "
            "nothing can be compared with it"
        )
    scaled: Tensor = rows / lengths[:, None]
    return scaled
