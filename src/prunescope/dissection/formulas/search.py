"""Which formulas of each length fit a unit best, as a beam search finds them?

Method: Mu & Andreas, "Compositional Explanations of Neurons", 2020, with the counts of
docs/method.md. With I of a formula F and a label c, and of both together, those of "F or c" and
"F and not c" are known, too, so that one sparse product serves all labels and operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from prunescope.dissection.formulas.atoms import AtomCounts
from prunescope.dissection.formulas.formula import AND, OR, Formula

_FORMULAS_KEPT, _FEWEST_LABELS_KEPT = 4096, 16
_LABEL_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A formula and its counts with a unit, in pixels."""

    formula: Formula
    intersection: int
    activation: int
    truth: int

    @property
    def iou(self) -> float:
        """I / (A + G - I)."""
        return self.intersection / (self.activation + self.truth - self.intersection)


class Search:
    """A beam search over the formulas of some labels, unit by unit."""

    def __init__(
        self,
        counts: AtomCounts,
        category_of: Int64[np.ndarray, " label"],
        allowed: Bool[np.ndarray, " label"],
        *,
        longest: int,
        beam: int,
    ) -> None:
        """Prepare what all units share.

        category_of: of each label, its index among those of `counts.carried`. allowed: whether a
        label may be in a formula. longest: length of a formula. beam: formulas of a length that are
        made longer.
        """
        self._counts = counts
        self._category_of = category_of
        self._allowed = allowed
        self._longest = longest
        self._beam = beam
        self._truth: Int64[np.ndarray, " label"] = counts.holds.T @ counts.pixels
        self._atoms_of_label = counts.holds.tocsc()
        # Units share these. A cache of methods would hold the counts until garbage is collected.
        self._labels_kept = max(_FEWEST_LABELS_KEPT, _LABEL_BYTES // max(1, len(counts.pixels)))
        self._atoms_having: dict[int, Bool[np.ndarray, " atom"]] = {}
        self._counted_together: dict[Formula, Int64[np.ndarray, " label"]] = {}

    def best(self, unit: int) -> list[Fitted]:
        """Return the best formula of each length from 1 on, as long as there are any.

        unit: its row.
        """
        view = self._look_at(unit)
        beam = self._take(view.labels(self._truth, self._allowed), length=1)
        found = beam[:1]
        for length in range(2, self._longest + 1):
            beam = self._take(self._extended(view, beam), length=length) if beam else []
            found += beam[:1]
        return found

    def _look_at(self, unit: int) -> "_View":
        counts = self._counts.counts
        row = slice(counts.indptr[unit], counts.indptr[unit + 1])
        atoms, pixels = counts.indices[row], counts.data[row]
        labels_of_atom = self._counts.holds[atoms]
        return _View(
            atoms=atoms,
            pixels=pixels,
            by_label=labels_of_atom.T,
            met=labels_of_atom.T @ pixels,
            areas=self._counts.areas[unit],
            carried=self._counts.carried,
            category_of=self._category_of,
        )

    def _extended(self, view: "_View", beam: Sequence[Fitted]) -> "_Candidates":
        """Return what becomes of formulas with one label more, for each operator."""
        formulas = [each.formula for each in beam]
        is_true = np.column_stack([self._is_true(formula, view.atoms) for formula in formulas])
        met = np.array([each.intersection for each in beam])[:, None]
        met_with = (view.by_label @ (view.pixels[:, None] * is_true)).T
        truth = np.array([each.truth for each in beam])[:, None]
        truth_with = np.stack([self._together(formula) for formula in formulas])
        intersection = _by_operator(met, view.met, met_with)
        truths = _by_operator(truth, self._truth, truth_with)
        may_join = np.repeat(self._allowed[None], len(beam), axis=0)
        for row, formula in zip(may_join, formulas, strict=True):
            row[list(formula.labels)] = False
        return _Candidates(
            parents=formulas,
            intersection=intersection,
            activation=np.stack([view.activation(formula.labels) for formula in formulas])[:, None],
            truth=truths,
            # what changes no pixel is the shorter formula in other words
            valid=(intersection > 0) & (truths != truth[:, None]) & may_join[:, None],
        )

    def _take(self, candidates: "_Candidates", *, length: int) -> list[Fitted]:
        """Return the best candidates, best first, each formula once.

        A formula of so many labels is found in at most as many ways.
        """
        ious = candidates.ious()
        enough = self._beam * length
        if len(ious) > enough:
            least = np.partition(ious, len(ious) - enough)[len(ious) - enough]
            chosen = np.flatnonzero(ious >= least)
        else:
            chosen = np.arange(len(ious))
        distinct = {each.formula: each for each in map(candidates.fitted, chosen.tolist())}
        ordered = sorted(distinct.values(), key=lambda each: (-each.iou, each.formula))
        return ordered[: self._beam]

    def _has(self, label: int) -> Bool[np.ndarray, " atom"]:
        """Return whether each atom carries a label."""
        if label not in self._atoms_having:
            if len(self._atoms_having) >= self._labels_kept:
                self._atoms_having.clear()
            has = np.zeros(len(self._counts.pixels), np.bool_)
            has[self._atoms_with(label)] = True
            self._atoms_having[label] = has
        return self._atoms_having[label]

    def _atoms_with(self, label: int) -> Int64[np.ndarray, " found"]:
        cuts = self._atoms_of_label.indptr
        found: Int64[np.ndarray, " found"] = self._atoms_of_label.indices[
            cuts[label] : cuts[label + 1]
        ].astype(np.int64)
        return found

    def _is_true(self, formula: Formula, atoms: np.ndarray) -> Bool[np.ndarray, " atom"]:
        first, *others = formula.labels
        is_true: Bool[np.ndarray, " atom"] = self._has(first)[atoms]
        for operator, label in zip(formula.operators, others, strict=True):
            has = self._has(label)[atoms]
            if operator == OR:
                is_true = is_true | has
            else:
                is_true = is_true & (has if operator == AND else ~has)
        return is_true

    def _together(self, formula: Formula) -> Int64[np.ndarray, " label"]:
        """Return on how many pixels of all images a formula is true that carry each label."""
        counted = self._counted_together.get(formula)
        if counted is None:
            counted = self._count_together(formula)
            if len(self._counted_together) >= _FORMULAS_KEPT:
                self._counted_together.clear()
            self._counted_together[formula] = counted
        return counted

    def _count_together(self, formula: Formula) -> Int64[np.ndarray, " label"]:
        last = self._atoms_with(formula.labels[-1])
        together: Int64[np.ndarray, " label"]
        if len(formula.labels) == 1:
            return self._count_labels(last)
        rest = formula.shorter
        of_rest, both = self._together(rest), self._count_labels(last[self._is_true(rest, last)])
        if formula.operators[-1] == AND:
            return both
        together = of_rest - both
        if formula.operators[-1] == OR:
            together = together + self._together(Formula(formula.labels[-1:]))
        return together

    def _count_labels(self, atoms: Int64[np.ndarray, " found"]) -> Int64[np.ndarray, " label"]:
        counted: Int64[np.ndarray, " label"] = (
            self._counts.holds[atoms].T @ self._counts.pixels[atoms]
        )
        return counted


@dataclass(frozen=True, kw_only=True)
class _View:
    """What a search sees of one unit.

    atoms, pixels: those that its masks meet, and the pixels of each. by_label: sparse (label,
    atom). met: pixels that carry each label. areas, carried, category_of: as in the whole.
    """

    atoms: np.ndarray
    pixels: Int64[np.ndarray, " atom"]
    by_label: Any
    met: Int64[np.ndarray, " label"]
    areas: Int64[np.ndarray, " kind"]
    carried: Bool[np.ndarray, "kind category"]
    category_of: Int64[np.ndarray, " label"]

    def activation(self, labels: Sequence[int] = ()) -> Int64[np.ndarray, " label"]:
        """Return A of a formula of some labels and each label besides."""
        carries = self.carried[:, self.category_of[list(labels)]].any(axis=1, keepdims=True)
        of_category = self.areas @ (self.carried | carries)
        activation: Int64[np.ndarray, " label"] = of_category[self.category_of]
        return activation

    def labels(
        self, truth: Int64[np.ndarray, " label"], allowed: Bool[np.ndarray, " label"]
    ) -> "_Candidates":
        """Return the labels alone."""
        return _Candidates(
            parents=[],
            intersection=self.met[None, None],
            activation=self.activation()[None, None],
            truth=truth[None, None],
            valid=((self.met > 0) & allowed)[None, None],
        )


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    """Formulas that a parent becomes by an operator and a label. parents: none for labels alone."""

    parents: Sequence[Formula]
    intersection: Int64[np.ndarray, "parent operator label"]
    activation: Int64[np.ndarray, "parent 1 label"]
    truth: Int64[np.ndarray, "parent operator label"]
    valid: Bool[np.ndarray, "parent operator label"]

    @cached_property
    def where(self) -> tuple[np.ndarray, ...]:
        """The indices of the valid ones along each axis."""
        return np.nonzero(self.valid)

    def ious(self) -> np.ndarray:
        """Return the IoU of every valid candidate; `fitted` takes their positions."""
        parents, _, labels = self.where
        intersection = self.intersection[self.where]
        union = self.activation[parents, 0, labels] + self.truth[self.where] - intersection
        ious: np.ndarray = intersection / union
        return ious

    def fitted(self, position: int) -> Fitted:
        """Return a valid candidate, its formula in canonical form."""
        at = tuple(int(axis[position]) for axis in self.where)
        parent, operator, label = at
        formula = (
            self.parents[parent].joined(operator, label) if self.parents else Formula((label,))
        )
        return Fitted(
            formula=formula,
            intersection=int(self.intersection[at]),
            activation=int(self.activation[parent, 0, label]),
            truth=int(self.truth[at]),
        )


def _by_operator(
    alone: Int64[np.ndarray, "parent 1"],
    of_label: Int64[np.ndarray, " label"],
    together: Int64[np.ndarray, "parent label"],
) -> Int64[np.ndarray, "parent 3 label"]:
    """Return the pixels of "F and c", "F or c" and "F and not c", in the order of the operators."""
    return np.stack([together, alone + of_label - together, alone - together], axis=1)
