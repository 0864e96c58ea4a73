"""Is a formula written in one way, and does that way mean the same?"""

from itertools import product

import numpy as np
import pytest

from prunescope.dissection.formulas.formula import AND, AND_NOT, OPERATORS, OR, Formula, canonical

NAMES = ("water", "sky", "road", "tree")


def is_true(formula: Formula, carried: tuple[bool, ...]) -> bool:
    first, *others = formula.labels
    value = carried[first]
    for operator, label in zip(formula.operators, others, strict=True):
        has = carried[label]
        value = (value and has, value or has, value and not has)[operator]
    return value


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (Formula((2,)), "road"),
        (Formula((2, 0), (OR,)), "water or road"),
        (Formula((2, 0), (AND,)), "water and road"),
        (Formula((2, 0), (AND_NOT,)), "road and not water"),
        (Formula((3, 0, 1), (AND_NOT, AND)), "sky and tree and not water"),
        (Formula((3, 1, 0), (AND_NOT, AND_NOT)), "tree and not water and not sky"),
        (Formula((3, 1, 0), (OR, AND)), "(sky or tree) and water"),
        (Formula((3, 1, 0), (AND, OR)), "(sky and tree) or water"),
        (Formula((3, 1, 2, 0), (AND, OR, OR)), "(sky and tree) or water or road"),
        (Formula((3, 1, 2, 0), (OR, AND_NOT, AND)), "(sky or tree) and water and not road"),
        (Formula((3, 2, 1, 0), (AND, OR, AND)), "((road and tree) or sky) and water"),
    ],
)
def test_a_formula_is_written_in_canonical_form(formula, text):
    assert canonical(formula).text(NAMES) == text


@pytest.mark.parametrize("operators", list(product(range(len(OPERATORS)), repeat=3)))
def test_the_canonical_form_means_the_same_and_is_its_own(operators):
    source = np.random.default_rng(operators)
    formula = Formula(tuple(int(label) for label in source.permutation(4)), operators)
    written = canonical(formula)
    assert canonical(written) == written
    assert canonical(written.shorter) == written.shorter
    for carried in product((False, True), repeat=4):
        assert is_true(written, carried) == is_true(formula, carried)
