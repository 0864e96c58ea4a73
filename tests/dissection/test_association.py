"""Are Pearson's correlation and AUPRC those of all pixels of the upsampled maps?"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from painted import PaintedSet, Replay, numbered
from prunescope import dissect
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection import ranking
from prunescope.dissection.activation_bins import ActivationBins
from prunescope.dissection.capture import capture
from prunescope.dissection.forward import read_pixels
from prunescope.dissection.ranking import RankingTable, average_precision
from prunescope.imaging.normalise import normalise
from prunescope.networks.loading import load_network

SEEN = {"resolution": 2, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "arithmetic": "plain"}
LABELS = tuple(
    Label(number=number, name=f"label {number}", category=category)
    for number, category in ((1, "color"), (3, "color"), (4, "part"), (7, "part"), (9, "scene"))
)
CATEGORIES = ("color", "part", "scene")
LARGE = pytest.param(7, (56, 40), marks=pytest.mark.long)


@pytest.fixture(scope="module")
def oracle():
    path = Path(__file__).parent.parent / "oracle" / "association.py"
    spec = importlib.util.spec_from_file_location("oracle_of_association", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blobs(source, images, shape, level=0.6):
    """Return smooth random fields in [0, 1]: where objects are, or what a unit sees."""
    coarse = torch.from_numpy(source.random((images, 1, 5, 5)))
    fields = torch.nn.functional.interpolate(coarse, shape, mode="bicubic", align_corners=False)
    return fields[:, 0].numpy()


def world(source, images, shape):
    """Return pictures whose two planes hold blobs of labels, and a scene in every third."""
    color, part = blobs(source, images, shape), blobs(source, images, shape)
    planes = np.stack(
        [np.where(color > 0.6, 1, np.where(color < 0.4, 3, 0)), np.where(part > 0.7, 4, 0)], axis=1
    ).astype(np.int32)
    planes[::4, 1] = 0
    planes[1::5, 1] = np.where(part[1::5] > 0.5, 7, 0)
    annotations = tuple(
        Annotation(planes=plane, whole=(9,) if index % 3 == 0 else ())
        for index, plane in enumerate(planes)
    )
    return PaintedSet(
        pictures=numbered(images), annotations=annotations, labels=LABELS, categories=CATEGORIES
    )


def activations_of(concepts, source, kind, side):
    """Return maps of six units that look at labels, more or less, the last at nothing."""
    maps = []
    for annotation in concepts.annotations:
        planes = torch.from_numpy(annotation.planes)
        seen = torch.stack([(planes == label.number).any(dim=0) for label in LABELS]).double()
        maps.append(torch.nn.functional.adaptive_avg_pool2d(seen, side).numpy())
    maps = np.concatenate([np.stack(maps), np.zeros((len(maps), 1, side, side))], axis=1)
    maps += source.normal(0, 0.3, maps.shape)
    if kind == "rectified":
        maps = maps.clip(0)
    if kind == "quantised":
        maps = (maps * 4).round() / 4
    if kind == "far from zero":
        maps = 1000 + maps
    return maps.astype(np.float32)


def carried_by(concepts, number):
    return [
        (annotation.planes == number).any(axis=0) | (number in annotation.whole)
        for annotation in concepts.annotations
    ]


def expected_pixels(oracle, concepts, activations, unit, name, **options):
    label = next(label for label in LABELS if label.name == name)
    homes = {label.number: label.category for label in LABELS}
    of_category = [
        any(homes[number] == label.category for number in annotation.numbers())
        for annotation in concepts.annotations
    ]
    shape = concepts.annotations[0].shape
    return oracle.pixels(
        activations[:, unit], carried_by(concepts, label.number), of_category, shape, **options
    )


def found_of(units):
    """Yield unit, label, Pearson and AUPRC of all best, second and third best labels."""
    for row in units.to_dict("records"):
        for ending in ("", "_2", "_3"):
            if not pd.isna(row[f"concept{ending}"]):
                yield row["unit"], *(row[f"{n}{ending}"] for n in ("concept", "pearson", "auprc"))


@pytest.mark.parametrize("kind", ["smooth", "rectified", "quantised", "far from zero"])
@pytest.mark.parametrize(("side", "shape"), [(4, (12, 15)), LARGE])
def test_both_measures_are_those_of_all_upsampled_pixels(oracle, kind, side, shape):
    source = np.random.default_rng([side, len(kind)])
    concepts = world(source, 48, shape)
    activations = activations_of(concepts, source, kind, side)
    units = dissect(Replay(activations), "layer", concepts, quantile=0.05, **SEEN).units
    found = list(found_of(units))
    assert len(found) >= 15
    for unit, name, pearson, auprc in found:
        x, y = expected_pixels(oracle, concepts, activations, unit, name)
        assert pearson == pytest.approx(oracle.pearson(x, y), abs=2e-5, nan_ok=True)
        # Of the small maps all pixels are counted; values that are few are tied, but not in a bin.
        error = 0.015 if shape[0] > 12 or kind == "quantised" else 0.005
        assert auprc == pytest.approx(average_precision_score(y, x), abs=error)


def test_a_ranking_that_finds_every_pixel_first_is_one_and_never_more():
    carried, pixels = np.array([[0, 0, 0, 0, 42]]), np.array([[38, 22, 4, 33, 42]])
    assert average_precision(carried, pixels) == 1.0


def test_the_naive_average_precision_is_that_of_scikit_learn(oracle):
    source = np.random.default_rng(0)
    x, y = source.integers(0, 9, 300) / 8, source.random(300) < 0.3
    assert oracle.average_precision(x, y) == pytest.approx(average_precision_score(y, x))


@pytest.mark.parametrize("convention", ["netdissect", "lite", "quick"])
def test_other_conventions_upsample_as_their_masks_and_count_a_pixel_once(oracle, convention):
    source = np.random.default_rng(1)
    concepts = world(source, 40, (12, 12))
    planes = [np.concatenate([one.planes, one.planes[:1]]) for one in concepts.annotations]
    twice = tuple(
        Annotation(planes=plane, whole=one.whole)
        for plane, one in zip(planes, concepts.annotations, strict=True)
    )
    concepts = replace(concepts, annotations=twice)
    activations = activations_of(concepts, source, "rectified", 3)
    how = {"convention": convention, "quantile": 0.05} | SEEN
    units = dissect(Replay(activations), "layer", concepts, **how).units
    upsample = nominal if convention == "netdissect" else None
    for unit, name, pearson, _auprc in found_of(units):
        x, y = expected_pixels(oracle, concepts, activations, unit, name, upsample=upsample)
        assert pearson == pytest.approx(oracle.pearson(x, y), abs=1e-5, nan_ok=True)


def nominal(cells, height, width):
    """Interpolate with the centres of n cells on m pixels at (m/n) (i + 1/2), clamped."""
    sizes = zip(cells.shape, (height, width), strict=True)
    down, across = ((np.arange(n) + 0.5) * m / n for n, m in sizes)
    tall = np.array([np.interp(np.arange(height), down, column) for column in cells.T]).T
    return np.array([np.interp(np.arange(width), across, row) for row in tall])


def test_a_unit_painted_as_a_label_reaches_one(eye, painted):
    plain = {"resolution": 4, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    units = dissect(eye, "colours", painted, quantile=0.1, **plain).units
    assert units["pearson"].tolist()[:2] == pytest.approx([1, 1])
    assert units["auprc"].tolist()[:2] == pytest.approx([1, 1])
    assert units.loc[2, ["pearson", "auprc"]].isna().all()  # dead: it has no label


def test_a_label_on_all_pixels_has_no_correlation_and_precision_one():
    source = np.random.default_rng(2)
    concepts = PaintedSet(
        pictures=numbered(8),
        annotations=(Annotation(planes=np.zeros((0, 6, 6), np.int32), whole=(9,)),) * 8,
        labels=LABELS,
        categories=CATEGORIES,
    )
    maps = source.random((8, 2, 3, 3)).astype(np.float32)
    units = dissect(Replay(maps), "layer", concepts, quantile=0.1, **SEEN).units
    assert units["concept"].tolist() == ["label 9"] * 2
    assert units["pearson"].isna().all()
    assert units["auprc"].tolist() == [1, 1]


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_tiny_and_huge_activations_are_measured_alike(factor):
    source = np.random.default_rng(3)
    concepts = world(source, 20, (12, 12))
    activations = activations_of(concepts, source, "smooth", 4)
    usual, other = (
        dissect(Replay(maps.astype(np.float32)), "layer", concepts, quantile=0.05, **SEEN).units
        for maps in (activations, activations.astype(np.float64) * factor)
    )
    for name in ("pearson", "auprc", "pearson_2", "auprc_3"):
        assert other[name].tolist() == pytest.approx(usual[name].tolist(), abs=2e-3, nan_ok=True)


def test_a_unit_silent_on_the_first_images_is_measured_too(oracle):
    source = np.random.default_rng(4)
    concepts = world(source, 200, (12, 12))
    activations = activations_of(concepts, source, "rectified", 4)
    activations[:-12, 0] = 0  # the order is random: few of the first images are among the last
    units = dissect(Replay(activations), "layer", concepts, quantile=0.005, **SEEN).units
    for unit, name, pearson, auprc in found_of(units):
        if unit == 0:
            x, y = expected_pixels(oracle, concepts, activations, unit, name)
            assert pearson == pytest.approx(oracle.pearson(x, y), abs=2e-5, nan_ok=True)
            assert auprc == pytest.approx(average_precision_score(y, x), abs=0.005)


def test_without_it_the_table_lacks_the_columns_and_nothing_else():
    source = np.random.default_rng(5)
    concepts = world(source, 20, (12, 12))
    network = Replay(activations_of(concepts, source, "rectified", 4))
    how = {"quantile": 0.05} | SEEN
    measured = dissect(network, "layer", concepts, **how).units
    plain = dissect(network, "layer", concepts, association=False, **how).units
    missing = set(measured) - set(plain)
    assert missing == {
        f"{name}{rank}" for name in ("pearson", "auprc") for rank in ("", "_2", "_3")
    }
    pd.testing.assert_frame_equal(measured.drop(columns=list(missing)), plain)


def precision_of(found, looked):
    return average_precision(found[None], looked[None])[0]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=12))
def test_average_precision_is_between_the_worst_and_the_best_order_in_bins(oracle, bins):
    bins = [(0, 0), *bins]  # the lowest is tied
    found = np.array([pair[0] for pair in bins])
    looked = found + [pair[1] for pair in bins]
    measured = precision_of(found, looked)
    if found.sum() == 0:
        assert np.isnan(measured)
        return
    low, high = oracle.bounds(found[::-1].tolist(), looked[::-1].tolist())
    assert low - 1 / found.sum() <= measured <= high + 1e-9


def test_average_precision_of_tied_pixels_is_the_share_of_the_label():
    assert precision_of(np.array([3, 0, 0]), np.array([12, 0, 0])) == 3 / 12
    assert precision_of(np.array([0, 3, 0]), np.array([0, 12, 0])) == pytest.approx(3 / 12)
    assert precision_of(np.array([0, 0, 4]), np.array([8, 0, 4])) == pytest.approx(1)
    assert precision_of(np.array([2, 0, 2]), np.array([12, 2, 2])) == pytest.approx(
        (2 * 1 + 2 * 4 / 16) / 4
    )


@pytest.mark.real
@pytest.mark.slow
def test_on_photographs_auprc_is_close_to_that_of_all_pixels(shared, oracle):
    network = load_network(
        "timm:tf_efficientnet_lite0",
        weights=shared / "models" / "efficientnet_lite0_imagenet.safetensors",
    )
    concepts = open_concepts(f"broden:{shared / 'data' / 'minibroden_224'}", limit=300)
    with capture(network.module, ["blocks"]) as captured, torch.inference_mode():
        maps = []
        for start in range(0, 300, 50):
            pixels = torch.from_numpy(read_pixels(concepts, range(start, start + 50), 224))
            network.module(normalise(pixels, network.input))
            maps.append(captured["blocks"].numpy())
    maps = np.concatenate(maps)
    units = dissect(
        network, "blocks", concepts, arithmetic="plain", batch_size=50, **network.input.as_dict()
    ).units
    numbers = {label.name: label for label in concepts.labels}
    home = {label.number: label.category for label in concepts.labels}
    annotations = [concepts.read_annotation(image) for image in range(300)]
    errors = []
    for unit, name, pearson, auprc in found_of(units.iloc[::16]):
        label = numbers[name]
        carried = [
            (one.planes == label.number).any(axis=0) | (label.number in one.whole)
            for one in annotations
        ]
        counts = [
            any(home[number] == label.category for number in one.numbers()) for one in annotations
        ]
        x, y = oracle.pixels(maps[:, unit], carried, counts, (112, 112))
        assert pearson == pytest.approx(oracle.pearson(x, y), abs=1e-4, nan_ok=True)
        errors.append(abs(auprc - average_precision_score(y, x)))
    assert len(errors) == 60
    assert np.median(errors) < 0.003
    assert np.quantile(errors, 0.9) < 0.01


def test_counts_that_exceed_32_bits_go_on_in_64(monkeypatch):
    source = np.random.default_rng(6)
    concepts = world(source, 40, (12, 12))
    network = Replay(activations_of(concepts, source, "smooth", 4))
    how = {"quantile": 0.05, "batch_size": 8} | SEEN
    usual = dissect(network, "layer", concepts, **how).units
    monkeypatch.setattr(ranking, "_MOST_IN_INT32", 12 * 12 * 3 * 20)
    grown = []
    former = RankingTable._make_room

    def make_room(self, pixels):
        former(self, pixels)
        grown.extend({table.dtype for table in self._table})

    monkeypatch.setattr(RankingTable, "_make_room", make_room)
    pd.testing.assert_frame_equal(dissect(network, "layer", concepts, **how).units, usual)
    assert set(grown) == {torch.int32, torch.int64}


def test_bins_ascend_with_the_activation_and_hold_zeros_apart():
    values = torch.from_numpy(np.random.default_rng(7).normal(0, 1, (3, 500)).astype(np.float32))
    values[1] = values[1].clamp(min=0)
    bins = ActivationBins.of_pilot(values, 40)
    unit = slice(0, 3)
    ascending = torch.linspace(-9, 9, 1001)[:, None].repeat(1, 3)
    found = bins.of(bins.scaled(ascending.clone()), unit)
    assert (found.diff(dim=0) >= 0).all()
    assert found.min() == 0
    assert found.max() == 39
    assert torch.equal(found[:, 1] == 0, ascending[:, 1] <= 0)
