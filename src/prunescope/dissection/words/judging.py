"""Which words are each unit's, and which of them are beyond chance?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor

from prunescope.base.files import fingerprint
from prunescope.base.progress import Task
from prunescope.base.seeding import torch_generator
from prunescope.dissection.chance.sequential import RATE, discoveries, undecided
from prunescope.dissection.words.embedding import Embedded
from prunescope.dissection.words.encoder import title_of
from prunescope.dissection.words.scores import (
    Correlation,
    SoftWpmi,
    blocks,
    highest_images,
    images_looked_at,
    prior_of,
)
from prunescope.dissection.words.settings import WordSettings

_RANKS = 3  # words of each unit
_SAME = 1e-9  # spread of a word's evidence that says nothing of images


@dataclass
class _Best:
    """The words of highest score so far, best first; of equal scores the earlier word.

    fits: how well each fits by what is compared with chance.
    """

    scores: Float64[Tensor, "unit rank"]
    fits: Float64[Tensor, "unit rank"]
    words: Int64[Tensor, "unit rank"]

    @classmethod
    def none(cls, units: int, device: torch.device) -> "_Best":
        scores = torch.full((units, _RANKS), -torch.inf, dtype=torch.float64, device=device)
        return cls(scores, scores, torch.full((units, _RANKS), -1, device=device))

    def add(
        self,
        scores: Float64[Tensor, "unit word"],
        fits: Float64[Tensor, "unit word"],
        first: int,
    ) -> None:
        """Add what is found of the next words, of which the first has this number."""
        numbers = torch.arange(first, first + scores.shape[1], device=scores.device)
        scores = torch.cat([self.scores, scores], dim=1)
        fits = torch.cat([self.fits, fits], dim=1)
        words = torch.cat([self.words, numbers.expand(len(scores), -1)], dim=1)
        order = scores.sort(dim=1, descending=True, stable=True).indices[:, :_RANKS]
        self.scores, self.fits, self.words = (
            part.gather(1, order) for part in (scores, fits, words)
        )

    def judged(self, as_good: Int64[Tensor, " unit"]) -> "Judged":
        """Return the words, with how many draws do as well as each unit's best one."""
        return Judged(
            words=self.words.cpu().numpy(),
            scores=self.scores.cpu().numpy(),
            as_good=as_good.cpu().numpy(),
        )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The words of some units by one score, and how many draws do as well as the best of them."""

    words: Int64[np.ndarray, "unit rank"]
    scores: Float64[np.ndarray, "unit rank"]
    as_good: Int64[np.ndarray, " unit"]


def judge_words(
    embedded: Embedded,
    activations: Float32[Tensor, "image unit"],
    settings: WordSettings,
    numbers: Int64[np.ndarray, " unit"],
    task: Task,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a row of words for each unit, and what follows for the layer.

    numbers: of the units. A unit that is as active on every image has no word.
    """
    varies = (activations != activations[0]).any(dim=0).cpu().numpy()
    chosen = activations[:, torch.from_numpy(varies).to(activations.device)]
    by_wpmi = by_soft_wpmi(embedded, chosen, settings, task)
    by_correlation = by_plain_correlation(embedded, chosen, settings, task)
    names = np.array(embedded.words, object)
    table = pd.DataFrame(
        {
            "unit": numbers,
            **_columns(by_wpmi, varies, names, settings.word_draws, "word", "wpmi", "p"),
            **_columns(
                by_correlation, varies, names, settings.word_draws,
                "correlated_word", "correlation", "correlation_p",
            ),
        }
    )  # fmt: skip
    return table, _summary(table, embedded, settings, len(activations))


def by_soft_wpmi(
    embedded: Embedded,
    activations: Float32[Tensor, "image unit"],
    settings: WordSettings,
    task: Task,
) -> Judged:
    """Judge words by soft WPMI; images drawn at random stand for units that know nothing.

    Against chance, evidence counts in standard deviations above that of random images. That is the
    same function of the images of a unit and of a draw, so p holds however few units there are.
    """
    images, device = len(activations), activations.device
    count = images_looked_at(images, settings)
    lists = highest_images(activations, count)
    drawn = torch.stack([_order(images, draw)[:count] for draw in range(settings.word_draws)])
    drawn = drawn.to(device)
    measure = SoftWpmi(embedded, settings, count)
    best = _Best.none(len(lists), device)
    highest = torch.full((len(drawn),), -torch.inf, dtype=torch.float64, device=device)
    for words in blocks(measure.words, max(images, len(lists), len(drawn))):
        if len(lists):
            table = measure.shares(words)
            mean, spread = measure.of_random_images(table)
            flat = spread <= _SAME
            of_units, of_draws = (measure.evidence(part, table) for part in (lists, drawn))
            prior = settings.word_prior * prior_of(of_units)
            fits, of_chance = (
                ((part - mean) / spread).masked_fill_(flat, -torch.inf)
                for part in (of_units, of_draws)
            )
            best.add(of_units - prior, fits, words.start)
            highest = torch.maximum(highest, of_chance.amax(dim=1))
        task.advance(words.stop - words.start, note="soft WPMI")
    return best.judged((highest >= best.fits[:, :1]).sum(dim=1))


def by_plain_correlation(
    embedded: Embedded,
    activations: Float32[Tensor, "image unit"],
    settings: WordSettings,
    task: Task,
) -> Judged:
    """Judge words by correlation. In a draw the images are permuted for all units alike."""
    device = activations.device
    measure = Correlation(embedded, activations)
    best = _Best.none(measure.units, device)
    directions = measure.directions()
    for words in blocks(measure.words, measure.units):
        found = measure.of(directions, words)
        best.add(found, found, words.start)
    as_good = torch.zeros(measure.units, dtype=torch.int64, device=device)
    for draw in range(settings.word_draws):
        directions = measure.directions(_order(len(activations), draw).to(device))
        highest = torch.full_like(best.scores[:, 0], -torch.inf)
        for words in blocks(measure.words, measure.units):
            highest = torch.maximum(highest, measure.of(directions, words).amax(dim=1))
        as_good += highest >= best.fits[:, 0]
        task.advance(note="correlation")
    return best.judged(as_good)


def steps_of(words: int, settings: WordSettings) -> int:
    """Return by how much judging one layer advances its task."""
    return words + settings.word_draws


def _order(images: int, draw: int) -> Int64[Tensor, " image"]:
    return torch.randperm(images, generator=torch_generator(0, "words", "null", draw))


def _columns(
    judged: Judged,
    varies: Bool[np.ndarray, " unit"],
    names: np.ndarray,
    draws: int,
    word: str,
    score: str,
    p: str,
) -> dict[str, Any]:
    """Return the columns of one score: best words, their scores, p, and what is beyond chance."""
    columns: dict[str, Any] = {}
    for rank in range(_RANKS):
        ending = f"_{rank + 1}" if rank else ""
        chosen, scores = judged.words[:, rank], judged.scores[:, rank]
        is_defined = np.isfinite(scores)
        named = names[chosen]
        named[~is_defined] = None
        columns[f"{word}{ending}"] = pd.array(_spread(named, varies, None).tolist(), dtype="string")
        columns[f"{score}{ending}"] = _spread(np.where(is_defined, scores, np.nan), varies, np.nan)
    of_best = (1 + judged.as_good) / (1 + draws)
    has_word = np.isfinite(judged.scores[:, 0])
    values = _spread(np.where(has_word, of_best, np.nan), varies, np.nan).astype(float)
    candidates = ~np.isnan(values)
    as_good = _spread(judged.as_good, varies, 0).astype(np.int64)
    prefix = p.removesuffix("p")
    columns[p] = values
    columns[f"{prefix}beyond_chance"] = discoveries(values, candidates)
    columns[f"{prefix}undecided"] = undecided(values, as_good, candidates, draws)
    return columns


def _spread(values: np.ndarray, varies: Bool[np.ndarray, " unit"], missing: Any) -> np.ndarray:
    """Return values of the units that vary, in a row for each unit."""
    spread = np.full(len(varies), missing, values.dtype if missing is not None else object)
    spread[varies] = values
    return spread


def _summary(
    table: pd.DataFrame, embedded: Embedded, settings: WordSettings, images: int
) -> dict[str, Any]:
    beyond = table[table["beyond_chance"]]
    stated: Mapping[str, Any] = settings.model_dump(mode="json", exclude={"words", "encoder"})
    return {
        "file": settings.file.name if settings.file else None,
        "fingerprint": fingerprint(list(embedded.words)),
        "count": len(embedded.words),
        "encoder": title_of(settings.encoder or ""),
        "draws": settings.word_draws,
        "images_looked_at": images_looked_at(images, settings),
        "rate": float(RATE),
        "beyond_chance": len(beyond),
        "words": int(beyond["word"].nunique()),
        "undecided": int(table["undecided"].sum()),
        "correlation_beyond_chance": int(table["correlation_beyond_chance"].sum()),
        "correlation_undecided": int(table["correlation_undecided"].sum()),
        "settings": dict(stated),
    }
