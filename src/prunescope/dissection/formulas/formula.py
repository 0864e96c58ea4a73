"""What is a formula of labels, and in which one way is it written?"""

from collections.abc import Sequence
from typing import NamedTuple

OPERATORS = ("and", "or", "and not")
AND, OR, AND_NOT = range(3)


class Formula(NamedTuple):
    """Labels joined from left to right: ((a and b) or c).

    labels: their indices among the set's, each once. operators: indices into OPERATORS, each before
    a label but the first. Of two formulas of one length and IoU the smaller comes first.
    """

    labels: tuple[int, ...]
    operators: tuple[int, ...] = ()

    def joined(self, operator: int, label: int) -> "Formula":
        """Return the formula with one label more, in canonical form."""
        return canonical(Formula((*self.labels, label), (*self.operators, operator)))

    @property
    def shorter(self) -> "Formula":
        """The formula without its last label; canonical, if this one is."""
        return Formula(self.labels[:-1], self.operators[:-1])

    def text(self, names: Sequence[object]) -> str:
        """Write it, with parentheses where `or` follows the other operators or they follow it.

        names: of the set's labels.
        """
        text = str(names[self.labels[0]])
        before = self.operators[:1]
        for operator, label in zip(self.operators, self.labels[1:], strict=True):
            if (operator == OR) != (before[0] == OR):
                text = f"({text})"
            text, before = f"{text} {OPERATORS[operator]} {names[label]}", (operator,)
        return text


def canonical(formula: Formula) -> Formula:
    """Return the one way in which formulas are written that differ only in order.

    Within a stretch of labels that are joined by `or`, or by `and` and `and not`, the order does
    not matter: they are sorted, those after `and not` behind the others. The first label belongs
    to the first stretch.
    """
    first = formula.operators[:1]
    of_or = first == (OR,)
    stretch, done = [(OR if of_or else AND, formula.labels[0])], []
    for operator, label in zip(formula.operators, formula.labels[1:], strict=True):
        if (operator == OR) != of_or:
            done += sorted(stretch)
            stretch, of_or = [], not of_or
        stretch.append((operator, label))
    done += sorted(stretch)
    operators, labels = zip(*done, strict=True)
    return Formula(labels, operators[1:])
