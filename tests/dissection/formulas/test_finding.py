"""Are the formulas that are found those of a search over every pixel, to the integer?"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from painted import Replay, world_of
from prunescope import dissect, load
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.chance.shuffle import permuted_sources
from prunescope.dissection.formulas import finding, search
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from ranks import in_parallel

CATEGORIES = ("color", "object", "scene")
LABELS = tuple(
    Label(number=number, name=f"label {number}", category=category)
    for number, category in (
        *((1, "color"), (2, "color"), (3, "color"), (5, "object")),
        *((6, "object"), (9, "scene"), (300, "scene")),
    )
)
PLAIN = {
    **{"resolution": 2, "mean": (0.0,) * 3, "std": (1.0,) * 3, "batch_size": 3},
    "axes": "NCHW",
}
QUANTILE, UNITS = 0.1, 4
ORACLES = Path(__file__).parent.parent.parent / "oracle"


def load_oracle(name):
    spec = importlib.util.spec_from_file_location(f"{name}_of_formulas", ORACLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def oracles():
    return {name: load_oracle(name) for name in ("dissection", "chance", "formulas")}


def random_set(source, images=7):
    """Return images of two shapes, with labels in several planes, twice, and of the whole."""
    annotations = []
    for index in range(images):
        shape = (5, 6) if index % 3 else (6, 4)
        colors = source.choice([0, 1, 2, 3], shape)
        objects = source.choice([0, 5, 6], shape) if index % 2 else np.zeros(shape)
        mixed = source.choice([0, 2, 6, 9], shape) if index % 4 < 3 else np.zeros(shape)
        whole = [(), (9,), (300,), (9, 300, 1)][index % 4]
        planes = np.array([colors, objects, mixed], np.int32)
        annotations.append(Annotation(planes=planes, whole=whole))
    activations = source.normal(0, 1, (images, UNITS, 3, 2)).astype(np.float32)
    activations[:, UNITS - 1] = -1  # dead
    return world_of(annotations, LABELS, CATEGORIES), activations


def naive_world(oracle, concepts):
    images = [
        oracle.LabelledImage(
            path="",
            height=one.shape[0],
            width=one.shape[1],
            planes=list(one.planes),
            whole=list(one.whole),
        )
        for one in concepts.annotations
    ]
    return oracle.World(
        categories=list(concepts.categories),
        names={label.number: label.name for label in concepts.labels},
        primary={label.number: label.category for label in concepts.labels},
        images=images,
    )


def naive_masks(oracle, world, activations, unit):
    threshold = oracle._threshold(activations[:, unit], QUANTILE, "exact")
    return [
        oracle._mask(maps[unit], threshold, image.height, image.width, "exact")
        for image, maps in zip(world.images, activations, strict=True)
    ]


def naive_search(oracles, world, activations, longest, beam, categories):
    """Return what the oracle finds for every unit."""
    masks = [naive_masks(oracles["dissection"], world, activations, u) for u in range(UNITS)]
    return [
        oracles["formulas"].search(
            of_unit, world, longest=longest, beam=beam, categories=list(categories)
        )
        for of_unit in masks
    ]


def written(formula):
    """Write a formula of the oracle by label numbers, with all parentheses."""
    (first, *labels), ways = formula
    text = str(first)
    for way, label in zip(ways, labels, strict=True):
        text = f"({text} {way} {label})"
    return text


def bare(text):
    return text.replace("(", "").replace(")", "")


def rows_of(table):
    names = ["unit", "length", "labels", "intersection", "activation", "truth"]
    return [
        (*row[:2], bare(row[2]), *row[3:])
        for row in table[names].itertuples(index=False, name=None)
    ]


def expected_rows(found):
    return [
        (unit, length, bare(written(formula)), *counts)
        for unit, of_unit in enumerate(found)
        for length, (formula, counts) in enumerate(of_unit, start=1)
    ]


@pytest.mark.parametrize(
    ("seed", "longest", "beam", "categories"),
    [
        (0, 3, 3, CATEGORIES),
        (1, 3, 1, CATEGORIES),
        (2, 2, 50, CATEGORIES),
        (3, 4, 2, CATEGORIES),
        (4, 3, 3, ("color", "scene")),
    ],
)
def test_random_sets_give_the_formulas_and_integers_of_the_oracle(
    oracles, seed, longest, beam, categories
):
    concepts, activations = random_set(np.random.default_rng(seed))
    layer = dissect(
        Replay(activations),
        "layer",
        concepts,
        quantile=QUANTILE,
        formulas=longest,
        beam=beam,
        categories=categories,
        **PLAIN,
    )["layer"]
    world = naive_world(oracles["dissection"], concepts)
    found = naive_search(oracles, world, activations, longest, beam, categories)
    assert [len(of_unit) for of_unit in found] == [longest] * (UNITS - 1) + [0]
    assert rows_of(layer.formulas) == expected_rows(found)
    first = layer.formulas[layer.formulas["length"] == 1]
    assert first["formula"].tolist() == layer.units["concept"].dropna().tolist()
    assert first["iou"].tolist() == layer.units["iou"].dropna().tolist()


def test_draws_are_searches_over_permuted_labels(oracles):
    concepts, activations = random_set(np.random.default_rng(7), images=6)
    layer = dissect(
        Replay(activations),
        "layer",
        concepts,
        quantile=QUANTILE,
        formulas=2,
        beam=2,
        formula_draws=3,
        **PLAIN,
    )["layer"]
    world = naive_world(oracles["dissection"], concepts)
    upto = oracles["formulas"].best_upto
    real = naive_search(oracles, world, activations, 2, 2, CATEGORIES)
    shapes = np.array([one.shape for one in concepts.annotations])
    null = []
    for draw in range(3):
        sources = {}
        for category in CATEGORIES:
            carriers = oracles["chance"].carriers(world, category)
            carried = np.isin(np.arange(len(shapes)), carriers)
            permuted = permuted_sources(carried, shapes, category, range(3))[draw]
            sources |= {(image, category): int(permuted[image]) for image in carriers}
        drawn = oracles["chance"].permute(world, sources)
        null.append(naive_search(oracles, drawn, activations, 2, 2, CATEGORIES))
    expected = []
    for unit, of_unit in enumerate(real):
        for length, best in enumerate(upto(of_unit, 2)[: len(of_unit)]):
            as_good = sum(upto(drawn[unit], 2)[length] >= best for drawn in null)
            expected.append((1 + as_good) / 4)
    assert layer.formulas["p"].tolist() == expected
    assert len(set(expected)) > 1
    means = [
        np.mean([upto(drawn[unit], 2)[length] for drawn in null for unit in range(UNITS - 1)])
        for length in range(2)
    ]
    stated = layer.counts()["formulas"]
    assert [each["iou"] for each in stated["expected"]] == pytest.approx(means)
    assert layer.units["p_of_formula"].tolist()[:3] == expected[1::2]
    assert "expected" not in layer.counts(iou=0.2)["formulas"]


def test_a_unit_that_sees_two_of_three_colours_has_their_formula():
    """Painted: unit 0 sees 1 and 2, unit 1 what is 1 but not 5, unit 2 what is both 2 and 6."""
    source = np.random.default_rng(0)
    colors = source.choice([1, 2, 3], (6, 8, 8))
    objects = source.choice([0, 5, 6], (6, 8, 8))
    annotations = [
        Annotation(planes=np.array(planes, np.int32), whole=())
        for planes in zip(colors, objects, strict=True)
    ]
    seen = np.stack(
        [
            (colors == 1) | (colors == 2),
            (colors == 1) & (objects != 5),
            (colors == 2) & (objects == 6),
        ],
        axis=1,
    )
    noise = source.random(seen.shape) / 100
    concepts = world_of(annotations, LABELS, CATEGORIES)
    for unit in range(3):
        share = float(seen[:, unit].mean())
        activations = (seen + noise)[:, [unit]].astype(np.float32)
        layer = dissect(
            Replay(activations),
            "layer",
            concepts,
            quantile=min(share + 1e-6, 0.5),
            formulas=2,
            **PLAIN,
        )["layer"]
        [_, best] = layer.formulas["labels"]
        assert best == ["1 or 2", "1 and not 5", "2 and 6"][unit]
        if unit:
            assert layer.formulas["iou"].tolist()[1] == 1
            other = ["", "not label 5", "label 6"][unit]
            assert layer.units["formula"].tolist() == [f"label {unit} and {other}"]


def test_processes_find_what_one_finds_and_what_is_kept_changes_nothing(monkeypatch):
    concepts, activations = random_set(np.random.default_rng(11))
    settings = DissectionSettings(
        layers=("layer",), quantile=QUANTILE, formulas=3, beam=3, formula_draws=2, **PLAIN
    )
    alone = dissect_layers(settings, Replay(activations), concepts)["layer"]
    monkeypatch.setattr(finding, "_MASKS_AT_A_TIME", 1)  # one unit at a time
    for name in ("_FORMULAS_KEPT", "_FEWEST_LABELS_KEPT", "_LABEL_BYTES"):
        monkeypatch.setattr(search, name, 1)
    in_blocks = dissect_layers(settings, Replay(activations), concepts)["layer"]

    def share(ranks):
        return dissect_layers(settings, Replay(activations), concepts, ranks=ranks)["layer"]

    for other in (in_blocks, *in_parallel(share, 3)):
        pd.testing.assert_frame_equal(other.formulas, alone.formulas)
        pd.testing.assert_frame_equal(other.units, alone.units)
        assert other.summary == alone.summary


@pytest.mark.parametrize("memory", ["1GiB", 0])
def test_formulas_change_no_other_number_whatever_the_memory(memory):
    concepts, activations = random_set(np.random.default_rng(12))
    how = {"quantile": QUANTILE, "memory": memory, **PLAIN}
    plain = dissect(Replay(activations), "layer", concepts, **how)["layer"]
    found = dissect(Replay(activations), "layer", concepts, formulas=2, null=2, **how)["layer"]
    added = ["formula", "iou_of_formula"]
    drawn = dissect(Replay(activations), "layer", concepts, null=2, **how)["layer"]
    pd.testing.assert_frame_equal(found.units.drop(columns=added), drawn.units)
    names = list(found.units.columns)
    assert names[names.index("label_p_adjusted") + 1 :][:2] == added
    pd.testing.assert_frame_equal(found.units[plain.units.columns], plain.units)
    assert plain.formulas is None
    assert "formulas" not in plain.summary


def test_saved_formulas_are_read_again(tmp_path):
    concepts, activations = random_set(np.random.default_rng(13))
    found = dissect(
        Replay(activations), "layer", concepts, quantile=QUANTILE, formulas=2, null=2, **PLAIN
    )
    found.save(tmp_path / "D")
    opened = load(tmp_path / "D")
    pd.testing.assert_frame_equal(opened["layer"].formulas, found["layer"].formulas)
    assert opened.summary() == found.summary()
    gains = found.summary()["formulas"]["by_length"]
    assert [each["length"] for each in gains] == [1, 2]
    assert sum(each["best"] for each in gains) == UNITS - 1
    assert gains[1]["gain"] > gains[0]["gain"] == 0
    text = pd.read_csv(tmp_path / "D/layer/formulas.csv")
    assert text["formula"].tolist() == found["layer"].formulas["formula"].tolist()
    table = found["layer"].formulas
    pd.concat([table, table]).to_parquet(tmp_path / "D/layer/formulas.parquet")
    (tmp_path / "D/layers.json").unlink()
    with pytest.raises(DataError, match=r"formulas.parquet is damaged: its rows are not one for"):
        load(tmp_path / "D")["layer"].counts()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"formulas": 0}, "formulas is 0, but must be greater than or equal to 1"),
        ({"formulas": 11}, "formulas is 11, but must be less than or equal to 10"),
        ({"formulas": 2, "beam": 0}, "beam is 0, but must be"),
        ({"formulas": 2, "formula_draws": -1}, "formula_draws is -1, but must be"),
        ({"formulas": 2, "convention": "quick"}, "may count twice, .*exact"),
        ({"formula_draws": 5}, "formula_draws is 5, but formulas is 1"),
    ],
)
def test_searches_that_cannot_be_are_refused(settings, message):
    concepts, activations = random_set(np.random.default_rng(0))
    with pytest.raises(ConfigError, match=message):
        dissect(Replay(activations), "layer", concepts, quantile=QUANTILE, **PLAIN | settings)
