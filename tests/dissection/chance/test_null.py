"""Do fast and naive code count the same where labels do not belong to their images?"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from labelled import Labelled
from prunescope import dissect
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.chance.judging import COLUMNS
from prunescope.dissection.chance.null import Null
from prunescope.dissection.chance.permuting import Trial
from prunescope.dissection.chance.sequential import RATE, discoveries
from prunescope.dissection.chance.shuffle import permuted_sources
from prunescope.dissection.kept_maps import ActiveMaps
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.quantile import Cut, cells_above
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.scores import score_units
from prunescope.dissection.thresholds import ThresholdCollector
from prunescope.networks.registry import build

CATEGORIES = ("color", "object", "scene")
LABELS = tuple(
    Label(number=number, name=f"label {number}", category=category)
    for number, category in (
        *((1, "color"), (2, "color"), (3, "color"), (4, "color"), (5, "object")),
        *((6, "object"), (8, "object"), (9, "scene"), (300, "scene")),
    )
)
IMAGES, UNITS, DRAWS, QUANTILE = 16, 5, 3, 0.03
CPU = torch.device("cpu")


def load_oracle(name):
    path = Path(__file__).parent.parent.parent / "oracle" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"oracle_of_null_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def oracle():
    return load_oracle("dissection")


@pytest.fixture(scope="module")
def oracle_of_chance():
    return load_oracle("chance")


def make_annotations(source):
    """Return images of two shapes; some carry no object, some a scene in a plane, some a colour."""
    annotations = []
    for place in range(IMAGES):
        shape = (9, 12) if place % 3 else (16, 8)
        colors = source.choice([0, 1, 2, 3, 4][: 2 + place % 4], shape)
        objects = source.choice([0, 0, 5, 6, 8], shape) if place % 2 else np.zeros(shape)
        mixed = source.choice([0, 0, 0, 2, 8, 9], shape) if place % 5 == 0 else np.zeros(shape)
        whole = [(), (9,), (300,), (9, 300, 1)][place % 4]
        planes = np.array([colors, objects, mixed], np.int32)
        annotations.append(Annotation(planes=planes, whole=whole))
    return annotations


def make_activations(source):
    activations = source.normal(0, 1, (IMAGES, UNITS, 4, 5)).astype(np.float32)
    activations[:, 4] = -1  # dead
    return activations


def make_world(oracle, annotations):
    images = [
        oracle.LabelledImage(
            path="",
            height=one.shape[0],
            width=one.shape[1],
            planes=list(one.planes),
            whole=list(one.whole),
        )
        for one in annotations
    ]
    return oracle.World(
        categories=list(CATEGORIES),
        names={label.number: label.name for label in LABELS},
        primary={label.number: label.category for label in LABELS},
        images=images,
    )


def p_values(observed, null):
    p = (1 + (null >= observed).sum(axis=0)) / (1 + len(null))
    return np.where(np.isnan(observed), np.nan, p)


class Counted:
    """The counts of saved activations, taken in batches."""

    def __init__(self, activations, annotations, *, memory=1 << 20, batch=7, draws=DRAWS):
        maps = torch.from_numpy(activations)
        cells = maps[:, 0].numel()
        cut = Cut(cells=cells, above=cells_above(QUANTILE, cells, "the maps"))
        collector = ThresholdCollector(UNITS, cut)
        for image in maps:
            collector.add(image.flatten(1))
        thresholds = collector.thresholds()
        reader = RegionReader(LABELS)
        concepts = Labelled(annotations=tuple(annotations), labels=LABELS, categories=CATEGORIES)
        batches = [images.tolist() for images in torch.arange(IMAGES).flip(0).split(batch)]
        self.label_maps = LabelMaps(concepts, reader, memory)
        for images in batches:
            regions = [reader.read(annotations[image], "an image") for image in images]
            self.label_maps.add(images, regions)
        masks = KeptMasks(UNITS)
        tally = OverlapTally(thresholds, LABELS, CATEGORIES)
        for images in batches:
            some = maps[images]
            active = ActiveMaps.of(some, some.amax(dim=(2, 3)), thresholds)
            done = 0
            for counts in tally.add(active, [self.label_maps.regions(image) for image in images]):
                masks.add(images[done : done + counts.image_count], counts)
                done += counts.image_count
        self.overlap = tally.overlap()
        self.null = Null(self.label_maps, {"layer": masks}, CATEGORIES, CPU)
        everything = {"layer": np.arange(UNITS)}
        self.tally = self.null.count(everything, range(draws))["layer"]

    def best_ious(self, draws=DRAWS):
        """Return the highest IoU of every unit in each draw; nan of a dead one."""
        ious = [self.tally.ious(self.overlap, CATEGORIES, draw) for draw in range(draws)]
        dead = np.isnan(ious).all(axis=2)
        return np.where(dead, np.nan, np.nan_to_num(ious, nan=-1.0).max(axis=2))

    def sources(self, draw, draws=DRAWS):
        return {
            (image, name): int(permuted[draw, image])
            for carriers, name in zip(self.label_maps.carried.T, CATEGORIES, strict=True)
            for permuted in [permuted_sources(carriers, self.label_maps.shapes, name, range(draws))]
            for image in np.flatnonzero(carriers).tolist()
        }


@pytest.mark.parametrize("seed", range(2))
def test_random_worlds_give_the_integers_of_the_oracle_in_every_draw(
    oracle, oracle_of_chance, seed
):
    source = np.random.default_rng(seed)
    annotations, activations = make_annotations(source), make_activations(source)
    world = make_world(oracle, annotations)
    counted = Counted(activations, annotations)
    real = oracle.dissect(activations, world, quantile=QUANTILE)
    assert np.array_equal(counted.overlap.intersection, real.intersection)
    for place, name in enumerate(CATEGORIES):
        carriers = np.flatnonzero(counted.label_maps.carried[:, place]).tolist()
        assert carriers == oracle_of_chance.carriers(world, name)
    best = counted.best_ious()
    null = []
    for draw in range(DRAWS):
        permuted = oracle_of_chance.permute(world, counted.sources(draw))
        expected = oracle.dissect(activations, permuted, quantile=QUANTILE)
        assert not np.array_equal(expected.intersection, real.intersection)
        assert np.array_equal(counted.tally.intersection(draw), expected.intersection)
        assert np.array_equal(best[draw], expected.best_iou, equal_nan=True)
        null.append(expected.best_iou.tolist())
    expected = oracle_of_chance.p_values(real.best_iou.tolist(), null)
    assert np.isnan(expected).tolist() == [False] * 4 + [True]
    assert np.allclose(p_values(real.best_iou, best), expected, equal_nan=True)


@pytest.mark.parametrize("seed", range(2))
def test_a_permutation_changes_neither_area_nor_truth(oracle, oracle_of_chance, seed):
    source = np.random.default_rng(seed)
    annotations, activations = make_annotations(source), make_activations(source)
    world = make_world(oracle, annotations)
    real = oracle.dissect(activations, world, quantile=QUANTILE)
    sources = Counted(activations, annotations).sources(0)
    permuted = oracle_of_chance.permute(world, sources)
    null = oracle.dissect(activations, permuted, quantile=QUANTILE)
    assert np.array_equal(null.activation, real.activation)
    assert np.array_equal(null.truth, real.truth)
    assert not np.array_equal(null.intersection, real.intersection)


@pytest.mark.parametrize("how", [{"memory": 0}, {"memory": 3000}, {"batch": 1}, {"batch": 99}])
def test_memory_and_batches_change_nothing(how):
    source = np.random.default_rng(5)
    annotations, activations = make_annotations(source), make_activations(source)
    plain, other = (Counted(activations, annotations, **kind) for kind in ({}, how))
    assert np.array_equal(other.overlap.intersection, plain.overlap.intersection)
    for draw in range(DRAWS):
        assert torch.equal(other.tally.intersection(draw), plain.tally.intersection(draw))


def test_more_draws_begin_with_the_same_counts():
    source = np.random.default_rng(6)
    annotations, activations = make_annotations(source), make_activations(source)
    few, many = (Counted(activations, annotations, draws=draws) for draws in (2, 5))
    for draw in range(2):
        assert torch.equal(few.tally.intersection(draw), many.tally.intersection(draw))


def test_masks_of_more_pixels_than_a_byte_can_count_are_counted():
    """A unit above its threshold on whole images of 40 x 40, which carry one label everywhere."""
    labels = (Label(number=1, name="all", category="color"),)
    annotation = Annotation(planes=np.ones((1, 40, 40), np.int32), whole=())
    concepts = Labelled(annotations=(annotation,) * 2, labels=labels, categories=("color",))
    reader = RegionReader(labels)
    regions = [reader.read(annotation, "an image")] * 2
    label_maps = LabelMaps(concepts, reader, 1 << 20)
    label_maps.add([0, 1], regions)
    masks = KeptMasks(1)
    tally = OverlapTally(torch.zeros(1, dtype=torch.float64), labels, ("color",))
    some = torch.ones(2, 1, 2, 2)
    active = ActiveMaps.of(some, some.amax(dim=(2, 3)), torch.zeros(1))
    for counts in tally.add(active, regions):
        masks.add([0, 1], counts)
    null = Null(label_maps, {"layer": masks}, ("color",), CPU)
    counted = null.count({"layer": np.arange(1)}, range(2))["layer"]
    assert [counted.intersection(draw).tolist() for draw in (0, 1)] == [[[3200]]] * 2


@pytest.mark.parametrize("memory", [1 << 20, 0])
def test_some_units_and_later_draws_are_counted_as_among_all(memory):
    source = np.random.default_rng(8)
    annotations, activations = make_annotations(source), make_activations(source)
    counted = Counted(activations, annotations, draws=6, memory=memory)
    some = counted.null.count({"layer": np.array([1, 3])}, range(4, 6))["layer"]
    for place, draw in enumerate((4, 5)):
        expected = counted.tally.intersection(draw)[[1, 3]]
        assert torch.equal(some.intersection(place), expected)


def test_what_a_draw_leaves_is_what_its_ious_say():
    source = np.random.default_rng(9)
    annotations, activations = make_annotations(source), make_activations(source)
    counted = Counted(activations, annotations)
    units = score_units(counted.overlap, iou=0.05)
    trial = Trial.of(counted.overlap, units, CATEGORIES, iou=0.05)
    for draw in range(DRAWS):
        ious = counted.tally.ious(counted.overlap, CATEGORIES, draw)
        trial.draws.take(draw, np.arange(UNITS), ious, trial.observed, 0.05)
    best = counted.best_ious()
    assert np.array_equal(trial.draws.as_good, (best >= units["iou"].to_numpy()).T)
    assert trial.draws.false_units.tolist() == (best > 0.05).sum(axis=1).tolist()
    numbers = [label.number for label in LABELS]
    for draw in range(DRAWS):
        ious = counted.tally.ious(counted.overlap, CATEGORIES, draw)
        above = [unit for unit in range(UNITS) if best[draw, unit] > 0.05]
        assert trial.draws.false_concepts[draw] == len({ious[unit].argmax() for unit in above})
        for unit in range(UNITS - 1):
            named = ious[unit, numbers.index(units["label"][unit])]
            assert trial.draws.label_as_good[unit, draw] == (named >= units["iou"][unit])


@pytest.mark.parametrize("seed", range(2))
def test_false_discoveries_stay_at_the_rate_when_every_draw_is_taken_for_the_truth_in_turn(seed):
    """Under no association every discovery is false: in at most 5 % of the cases is there one."""
    source = np.random.default_rng(seed)
    annotations, activations = make_annotations(source), make_activations(source)
    draws = 40
    counted = Counted(activations, annotations, draws=draws)
    best = counted.best_ious(draws)[:, :4]
    wrong = 0
    for draw in range(draws):
        p = p_values(best[draw], np.delete(best, draw, axis=0))
        wrong += discoveries(p, np.full(4, True)).any()
    assert wrong / draws <= RATE


class Bright(torch.nn.Module):
    """Four units: red, green, and two that see noise of their own in every image."""

    def forward(self, images):
        noise = torch.sin(1e4 * images.sum(dim=1)), torch.sin(3e4 * images.sum(dim=1))
        return torch.stack([images[:, 0], images[:, 1], *noise], dim=1)


@pytest.fixture
def patches(painted):
    """Thirty pictures of grey noise; in each a red and a green patch that are labelled as such."""
    source = np.random.default_rng(0)
    pictures, annotations = [], []
    for _ in range(30):
        picture = source.integers(0, 100, (12, 12, 1), np.uint8).repeat(3, axis=2)
        plane = np.zeros((12, 12), np.int32)
        for channel, number in ((0, 3), (1, 5)):
            row, column = source.integers(0, 10, 2)
            picture[row : row + 3, column : column + 3, channel] = 255
            plane[row : row + 3, column : column + 3] = number
        pictures.append(picture)
        annotations.append(Annotation(planes=plane[None], whole=()))
    return replace(painted, pictures=tuple(pictures), annotations=tuple(annotations))


def dissect_patches(concepts, module, **how):
    plain = {"resolution": 12, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "quantile": 0.07}
    return dissect(torch.nn.Sequential(module), "0", concepts, **plain | how)


def test_a_planted_detector_is_found_and_noise_is_not(patches):
    found = dissect_patches(patches, Bright(), null=39).layers["0"]
    assert found.units["p"].tolist()[:2] == [1 / 40, 1 / 40]
    assert found.units["discovery"].tolist() == [True, True, False, False]
    assert found.units["interpretable"].tolist()[:2] == [True, True]
    chance = found.summary["chance"]
    assert (chance["draws"], chance["discoveries"], chance["concepts"]) == (39, 2, 2)
    assert 0 < chance["expected_false"] < 2


def test_a_null_leaves_every_other_number_as_it_is(patches):
    without, with_null = (dissect_patches(patches, Bright(), null=draws) for draws in (0, 2))
    assert "p" not in without.units
    assert "chance" not in without.layers["0"].summary
    assert "chance" not in without.summary()
    assert with_null.units.drop(columns=list(COLUMNS)).equals(without.units)
    first, second = without.layers["0"], with_null.layers["0"]
    assert np.array_equal(first.overlap.intersection, second.overlap.intersection)
    assert first.images.equals(second.images)
    assert second.summary["settings"]["null"] == 2


def test_chosen_categories_are_compared_with_their_own_null(patches):
    found = dissect_patches(patches, Bright(), null=3, categories=("part",)).layers["0"]
    assert found.units["iou"].isna().all()
    assert found.units["p"].isna().all()
    assert found.summary["chance"]["smallest_draws"] is None


@pytest.mark.parametrize("strangers", [0, 7])
def test_an_untrained_network_has_units_as_by_chance_and_no_discoveries(painted, drawn, strangers):
    """On its own labels, and on those of other images, where every discovery would be false."""
    scenes = open_concepts(f"broden:{drawn}")
    images = range(20)
    annotations = [scenes.read_annotation(image) for image in images]
    concepts = replace(
        painted,
        pictures=tuple(np.asarray(scenes.read_image(image)) for image in images),
        annotations=(*annotations[strangers:], *annotations[:strangers]),
        labels=scenes.labels,
        categories=scenes.categories,
    )
    network = build("cifar_resnet20", num_classes=10, seed=0)
    how = {"resolution": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3, "quantile": 0.02}
    summary = dissect(network, "layer3", concepts, null=39, **how).layers["layer3"].summary
    chance = summary["chance"]
    assert chance["draws"] >= chance["smallest_draws"]
    assert summary["interpretable"] >= 20
    assert chance["expected_false"] >= 20
    assert chance["discoveries"] == 0
