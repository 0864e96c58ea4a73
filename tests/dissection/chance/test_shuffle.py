"""Are labels permuted among the images that carry them, the same way every time?"""

import numpy as np

from prunescope.dissection.chance.shuffle import permuted_sources

CATEGORIES = ("color", "object")
CARRIED = np.array([[True, place % 3 == 0] for place in range(60)])
SHAPES = np.array([[4, 4 + place % 2] for place in range(60)])


def drawn(draws, carried=CARRIED, categories=CATEGORIES):
    return {
        name: permuted_sources(carriers, SHAPES, name, range(draws))
        for name, carriers in zip(categories, carried.T, strict=True)
    }


def test_every_draw_permutes_the_carriers_among_those_of_their_shape():
    for place, sources in enumerate(drawn(8).values()):
        carriers = np.flatnonzero(CARRIED[:, place])
        for draw in sources:
            assert sorted(draw[carriers]) == carriers.tolist()
            assert np.array_equal(SHAPES[draw[carriers]], SHAPES[carriers])
            assert (draw[~CARRIED[:, place]] == -1).all()
            assert (draw[carriers] != carriers).any()


def test_draws_and_categories_are_permuted_each_its_own_way():
    sources = drawn(5, carried=np.full((60, 2), True))
    rows = [tuple(row) for draws in sources.values() for row in draws]
    assert len(set(rows)) == 10


def test_more_draws_begin_with_the_same():
    few, many = drawn(3), drawn(7)
    assert all(np.array_equal(few[name], many[name][:3]) for name in CATEGORIES)


def test_a_category_is_permuted_the_same_way_beside_any_other():
    alone = drawn(3, carried=CARRIED[:, 1:], categories=("object",))
    assert np.array_equal(alone["object"], drawn(3)["object"])


def test_every_carrier_gets_every_source_about_as_often():
    counts = np.zeros((60, 60))
    for sources in drawn(400)["object"]:
        counts[np.flatnonzero(CARRIED[:, 1]), sources[CARRIED[:, 1]]] += 1
    of_ten = counts[np.ix_(range(0, 60, 6), range(0, 60, 6))]
    assert of_ten.sum() == 4000
    # Binomial of 400 draws and 1 / 10: mean 40, standard deviation 6.
    assert np.abs(of_ten - 40).max() < 5 * 6
