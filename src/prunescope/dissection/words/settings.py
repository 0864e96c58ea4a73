"""What can be chosen where units are given words?"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypedDict

from pydantic import BeforeValidator, Field, model_validator

from prunescope.base.settings import Count, Settings

Pooling: TypeAlias = Literal["mean", "max"]
"""By which a map of cells becomes one number."""

_Probability = Annotated[float, Field(gt=0, lt=1)]
_File = Annotated[
    str | None,
    BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value),
    Field(examples=["FILE"]),
]


class WordSettings(Settings):
    """How units are given words (docs/words.md). Nothing is done without `words` and `encoder`."""

    words: _File = None
    """A text file with a word or phrase on each line: units are given those that fit them."""
    encoder: Annotated[
        str | None, Field(examples=["open-clip:MODEL", "transformers:MODEL", "MODULE:FUNCTION"])
    ] = None
    """What compares images with words: a model of open_clip or transformers, or a function of your
    own that returns one."""
    word_activation: Pooling = "mean"
    """How a unit's activations on an image become one."""
    word_images: Count = 100
    """On how many images with the highest activation a unit's words are looked for; at most a tenth
    of all."""
    word_sharpness: Annotated[float, Field(gt=0, le=1000)] = 10.0
    """By which the similarities of an image with all words are multiplied before their softmax."""
    word_first: _Probability = 0.998
    """How surely the image with a unit's highest activation is one of what it answers to."""
    word_last: _Probability = 0.97
    """The same of the last of the images that count; in between it falls evenly."""
    word_prior: Annotated[float, Field(ge=0, le=1)] = 1.0
    """By how much a word counts less the better it fits the layer's units on the whole."""
    word_draws: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """How often the images are permuted, to see which words are due to chance."""

    @model_validator(mode="after")
    def _words_and_encoder_together(self) -> "WordSettings":
        others = self.model_fields_set - {"words", "encoder"}
        if self.words is None and self.encoder is None and others:
            raise ValueError(
                f"{min(others)} is about the words of units: give words and encoder, too"
            )
        if (self.words is None) != (self.encoder is None):
            missing = "words names no file" if self.words is None else "encoder names no model"
            raise ValueError(f"{missing}: units get words only where both are given")
        if self.word_last > self.word_first:
            raise ValueError(
                f"word_last is {self.word_last:g}, but must not be above word_first, "
                f"{self.word_first:g}"
            )
        return self

    @property
    def asked(self) -> bool:
        """Whether units are to be given words at all."""
        return self.words is not None

    @property
    def file(self) -> Path | None:
        """The file of words; None where no words are asked for."""
        return None if self.words is None else Path(self.words).expanduser()


class WordOptions(TypedDict, total=False):
    """The same, as a function takes them by keyword."""

    words: str | Path | None
    encoder: str | None
    word_activation: Pooling
    word_images: int
    word_sharpness: float
    word_first: float
    word_last: float
    word_prior: float
    word_draws: int
