"""How well does each word fit a unit, by soft WPMI and by plain correlation?

Soft WPMI: Oikarinen & Weng, "CLIP-Dissect", ICLR 2023; docs/method.md defines both.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.seeding import torch_generator
from prunescope.dissection.words.embedding import Embedded
from prunescope.dissection.words.settings import WordSettings

_CELLS = 1 << 18  # of a block's table: 2 MiB in float64, about what a core's cache holds
_FACTORS = 16  # whose product is above the least positive number, as none is below 2e-16
_SHARE = 10  # one in so many images may count among the highest
_CONSTANT = 1e-7  # spread of cosines that is none


def blocks(words: int, rows: int) -> Iterator[slice]:
    """Yield the words in blocks, so that a table of a block and so many rows stays small."""
    size = max(1, _CELLS // max(1, rows))
    for start in range(0, words, size):
        yield slice(start, min(words, start + size))


def images_looked_at(images: int, settings: WordSettings) -> int:
    """Return on how many images with the highest activation a unit's words are looked for."""
    return min(settings.word_images, max(1, images // _SHARE))


def highest_images(
    activations: Float32[Tensor, "image unit"], count: int
) -> Int64[Tensor, "unit rank"]:
    """Return the images on which each unit is most active, highest first.

    Of equal activations those come first that are first in an order drawn once for all units: in
    the set's own order, images of one kind would stand together.
    """
    generator = torch_generator(0, "words", "ties")
    drawn = torch.randperm(len(activations), generator=generator).to(activations.device)
    ranked = activations[drawn].argsort(dim=0, descending=True, stable=True)[:count]
    return drawn[ranked].T.contiguous()


class SoftWpmi:
    """What lists of images say of each word, block by block of the words."""

    def __init__(self, embedded: Embedded, settings: WordSettings, ranks: int) -> None:
        """Prepare it. ranks: how many images each list has."""
        self._embedded, self._sharpness = embedded, settings.word_sharpness
        first, last = settings.word_first, settings.word_last
        self._certainties = [first - rank / ranks * (first - last) for rank in range(ranks)]
        self.words = len(embedded.of_words)
        self._logarithms = self._normalisers()

    def shares(self, words: slice) -> Float64[Tensor, "image word"]:
        """Return P(word | image) of some words."""
        return torch.exp(self._scaled(words) - self._logarithms[:, None])

    def of_random_images(
        self, table: Float64[Tensor, "image word"]
    ) -> tuple[Float64[Tensor, " word"], Float64[Tensor, " word"]]:
        """Return mean and standard deviation of `evidence` over lists drawn with replacement."""
        mean, variance = table.new_zeros(2, table.shape[1])
        for certainty in self._certainties:
            logs = table.mul(certainty).add_(1 - certainty).log_()
            mean += logs.mean(dim=0)
            variance += logs.var(dim=0, correction=0)
        return mean, variance.sqrt()

    def evidence(
        self, lists: Int64[Tensor, "list rank"], table: Float64[Tensor, "image word"]
    ) -> Float64[Tensor, "list word"]:
        """Return log p(list | word): the sum over ranks of ln(1 - c + c P(word | image)).

        c is the certainty at the rank. table: the shares of these words.
        """
        total = table.new_zeros(len(lists), table.shape[1])
        product, factor = torch.ones_like(total), torch.empty_like(total)
        for rank, certainty in enumerate(self._certainties):
            torch.index_select(table, 0, lists[:, rank], out=factor)
            product.mul_(factor.mul_(certainty).add_(1 - certainty))
            if rank % _FACTORS == _FACTORS - 1 or rank == len(self._certainties) - 1:
                total += product.log()
                product.fill_(1)
        return total

    def _scaled(self, words: slice) -> Float64[Tensor, "image word"]:
        cosines = self._embedded.of_images @ self._embedded.of_words[words].T
        return cosines.mul_(self._sharpness)

    def _normalisers(self) -> Float64[Tensor, " image"]:
        """Return the logarithm of each image's sum over all words, by which P is normalised."""
        parts = [
            torch.logsumexp(self._scaled(words), dim=1)
            for words in blocks(self.words, len(self._embedded.of_images))
        ]
        return torch.logsumexp(torch.stack(parts), dim=0)


def prior_of(evidence: Float64[Tensor, "unit word"]) -> Float64[Tensor, " word"]:
    """Return log p(word): the logarithm of the mean over units of p(list | word)."""
    return torch.logsumexp(evidence, dim=0) - math.log(len(evidence))


class Correlation:
    """Pearson's correlation of units' activations with the cosines of images and words."""

    def __init__(self, embedded: Embedded, activations: Float32[Tensor, "image unit"]) -> None:
        """Prepare it. activations: of units none of which is constant."""
        centred = activations.double() - activations.double().mean(dim=0)
        self._units = (centred / centred.norm(dim=0)).T
        self._images = embedded.of_images - embedded.of_images.mean(dim=0)
        self._word_rows = embedded.of_words
        self.words, self.units = len(embedded.of_words), activations.shape[1]
        covariance = self._images.T @ self._images
        squares = ((self._word_rows @ covariance) * self._word_rows).sum(dim=1).clamp(min=0)
        spread = squares.sqrt()
        self._flat = spread <= _CONSTANT * len(self._images) ** 0.5
        self._word_rows = self._word_rows / spread.masked_fill(self._flat, 1)[:, None]

    def directions(
        self, order: Int64[Tensor, " image"] | None = None
    ) -> Float64[Tensor, "unit size"]:
        """Return each unit's covariance with the encoder's numbers, the images in this order."""
        images = self._images if order is None else self._images[order]
        found: Tensor = self._units @ images
        return found

    def of(
        self, directions: Float64[Tensor, "unit size"], words: slice
    ) -> Float64[Tensor, "unit word"]:
        """Return the correlations with some words; -inf for one that is as close to every image."""
        correlations = directions @ self._word_rows[words].T
        return correlations.masked_fill_(self._flat[words], -torch.inf)
