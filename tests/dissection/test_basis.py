"""Are directions dissected as units would be whose activations are sums of the layer's units'?"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from painted import Replay, world_of
from prunescope import compare, dissect, load
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.bases.pca import Moments, components
from prunescope.dissection.bases.random_rotation import draw
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.networks.registry import build
from ranks import in_parallel

FORM = {"resolution": 2, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "quantile": 0.05}
IMAGES, UNITS = 24, 5
LABELS = tuple(Label(number=n, name=f"part {n}", category="part") for n in (1, 2, 3))


@pytest.fixture(scope="module")
def oracles():
    found = {}
    for name in ("basis", "dissection"):
        path = Path(__file__).parent.parent / "oracle" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"oracle_for_directions_{name}", path)
        found[name] = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = found[name]
        spec.loader.exec_module(found[name])
    yield found
    for module in found.values():
        del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def activations():
    """Whole numbers, so that float32 sums them exactly."""
    return np.random.default_rng(0).integers(-99, 100, (IMAGES, UNITS, 3, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def concepts():
    planes = np.random.default_rng(1).integers(0, 4, (IMAGES, 1, 12, 12)).astype(np.int32)
    return world_of([Annotation(planes=plane, whole=()) for plane in planes], LABELS, ["part"])


def look(activations, concepts, basis=None, **settings):
    return dissect(Replay(activations), "layer", concepts, basis=basis, **{**FORM, **settings})[
        "layer"
    ]


def written(folder, name="basis", **tensors):
    path = folder / f"{name}.safetensors"
    save_file({key: torch.as_tensor(tensor) for key, tensor in tensors.items()}, path)
    return path


def same_counts(a, b, order=slice(None)):
    for name in ("thresholds", "intersection", "activation"):
        assert getattr(a.overlap, name).tobytes() == getattr(b.overlap, name)[order].tobytes()
    assert a.overlap.truth.tobytes() == b.overlap.truth.tobytes()


@pytest.mark.parametrize("memory", ["1GiB", 0], ids=["one pass", "two passes"])
def test_the_identity_counts_the_same_bytes_as_units(activations, concepts, tmp_path, memory):
    identity = written(tmp_path, layer=torch.eye(UNITS))
    units = look(activations, concepts)
    same = look(activations, concepts, identity, memory=memory, null=4)
    same_counts(same, units)
    assert same.basis.tolist() == np.eye(UNITS).tolist()
    assert units.basis is None


def test_a_permutation_permutes_the_units(activations, concepts, tmp_path):
    order = [3, 1, 4, 0, 2]
    permuted = look(activations, concepts, written(tmp_path, layer=torch.eye(UNITS)[order]))
    units = look(activations, concepts)
    same_counts(permuted, units, order)
    assert permuted.units["iou"].tolist() == units.units["iou"][order].tolist()


def test_directions_of_a_file_are_counted_as_the_oracle_counts_them(
    oracles, activations, concepts, tmp_path
):
    directions = np.random.default_rng(2).integers(-3, 4, (8, UNITS)).astype(np.float32)
    directions[:, 0] = 1  # no row of zeros
    found = look(activations, concepts, written(tmp_path, anything=directions), arithmetic="plain")
    maps = oracles["basis"].along(activations, directions)
    world = oracles["dissection"].World(
        categories=["part"],
        names={label.number: label.name for label in LABELS},
        primary={label.number: "part" for label in LABELS},
        images=[
            oracles["dissection"].LabelledImage(
                path="", height=12, width=12, planes=list(annotation.planes), whole=[]
            )
            for annotation in concepts.annotations
        ],
    )
    expected = oracles["dissection"].dissect(maps.astype(np.float32), world, quantile=0.05)
    assert np.array_equal(found.overlap.thresholds, expected.thresholds)
    assert np.array_equal(found.overlap.intersection, expected.intersection)
    assert np.array_equal(found.overlap.activation, expected.activation)


def test_principal_components_are_those_of_the_oracle(oracles, activations, concepts):
    scaled = activations * np.array([1, 5, 2, 9, 3], np.float32)[:, None, None]
    found = look(scaled, concepts, "pca", batch_size=5).basis
    assert np.abs(found - oracles["basis"].principal(scaled)).max() < 1e-5
    assert np.allclose(found @ found.T, np.eye(UNITS), atol=1e-6)


def test_directions_without_variance_are_dead_and_not_noise(concepts):
    activations = np.random.default_rng(0).normal(size=(IMAGES, 4, 3, 3)).astype(np.float32)
    activations[:, 1] = 7.3  # constant
    activations[:, 3] = 2 * activations[:, 0]
    found = look(activations, concepts, "pca")
    assert found.units["dead"].tolist() == [False, False, True, True]
    assert not found.basis[2:].any()


def test_the_largest_weight_of_a_component_is_positive():
    random = torch.randn(40, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows = components(random.T @ random / 40, torch.zeros(6, dtype=torch.float64))
    assert (rows.gather(1, rows.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_neither_order_nor_processes_change_the_sums():
    batches = [
        torch.randn(3, 6, 4, 4, generator=torch.Generator().manual_seed(n)) * 10 ** (n % 5)
        for n in range(12)
    ]

    def sums(order, count=1):
        def share(ranks):
            moments = Moments(6, torch.device("cpu"))
            for index in order[ranks.rank :: count]:
                moments.add(batches[index])
            moments.exchange(ranks)
            return torch.cat([part.flatten() for part in moments.second()])

        return in_parallel(share, count)

    [alone] = sums(range(12))
    for others in (sums(range(11, -1, -1)), sums(range(12), 3)):
        assert all(torch.equal(each, alone) for each in others)


def test_random_rotations_are_uniform_among_orthogonal_matrices():
    drawn = torch.stack([draw(3, seed, "layer4") for seed in range(4_000)])
    assert torch.allclose(drawn @ drawn.mT, torch.eye(3, dtype=torch.float64), atol=1e-12)
    # of the uniform distribution the trace has mean 0 and variance 1, a QR without signs -0.6
    traces = drawn.diagonal(dim1=1, dim2=2).sum(dim=1)
    assert abs(float(traces.mean())) < 0.06
    assert float((traces**2).mean()) == pytest.approx(1, abs=0.08)
    assert abs(float(drawn.det().mean())) < 0.06


def test_seed_and_name_of_a_layer_decide_its_rotation(activations, concepts):
    first, again, other = (
        look(activations, concepts, "random-rotation", basis_seed=seed) for seed in (0, 0, 1)
    )
    same_counts(first, again)
    assert np.array_equal(first.basis, draw(UNITS, 0, "layer").float().numpy())
    assert not np.array_equal(first.basis, other.basis)
    assert not torch.equal(draw(UNITS, 0, "layer"), draw(UNITS, 0, "layer2"))
    assert first.summary["basis"] == {
        "kind": "random-rotation",
        "seed": 0,
        "units": UNITS,
        "fingerprint": again.summary["basis"]["fingerprint"],
    }
    assert first.summary["basis"]["fingerprint"] != other.summary["basis"]["fingerprint"]


@pytest.mark.parametrize("basis", ["random-rotation", "pca"])
def test_processes_get_what_one_alone_gets(activations, concepts, basis):
    settings = DissectionSettings(layers=("layer",), basis=basis, batch_size=2, **FORM)
    alone = dissect_layers(settings, Replay(activations), concepts)["layer"]

    def share(ranks):
        return dissect_layers(settings, Replay(activations), concepts, ranks=ranks)["layer"]

    for shared in in_parallel(share, 3):
        same_counts(shared, alone)
        assert np.array_equal(shared.basis, alone.basis)
        assert shared.summary == alone.summary


@pytest.mark.long
@pytest.mark.parametrize("arithmetic", ["plain", "folded", "compiled"])
def test_every_arithmetic_sums_the_maps_of_its_layer(concepts, arithmetic):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
    form = {**FORM, "resolution": 4, "batch_size": 5, "arithmetic": arithmetic}
    names = ["0", "1", "2"]
    rotated, units = (
        dissect(network, names, concepts, basis=basis, examples=IMAGES, **form)
        for basis in ("random-rotation", None)
    )
    for name in names:
        maps, along = (
            np.stack(found[name].examples.sort_values(["unit", "row"])["map"])
            for found in (units, rotated)
        )
        expected = np.einsum("du,unc->dnc", rotated[name].basis, maps.reshape(6, IMAGES, -1))
        assert np.abs(expected - along.reshape(6, IMAGES, -1)).max() < 1e-6


def test_tokens_of_a_transformer_are_folded_first(tmp_path):
    network = build("timm:test_vit,img_size=48", num_classes=2, seed=0)
    planes = np.random.default_rng(1).integers(0, 4, (IMAGES, 1, 12, 12)).astype(np.int32)
    concepts = world_of([Annotation(planes=plane, whole=()) for plane in planes], LABELS, ["part"])
    units = network.num_features
    order = torch.randperm(units, generator=torch.Generator().manual_seed(0))
    path = written(tmp_path, anything=torch.eye(units)[order])
    form = {**FORM, "resolution": 48}
    plain, permuted = (
        dissect(network, "blocks.1", concepts, basis=basis, **form)["blocks.1"]
        for basis in (None, path)
    )
    same_counts(permuted, plain, order.numpy())


def test_masks_on_any_pictures_are_those_of_the_directions(activations, concepts, tmp_path):
    found = look(activations, concepts, "random-rotation")
    found.save(tmp_path / "layer")
    opened = load(tmp_path / "layer")
    masks = found.masks(Replay(activations), concepts.pictures, [2, 4], size=(12, 12))
    assert sum(int(mask[0].sum()) for mask in masks) == found.overlap.activation[2, 0]
    again = opened.masks(Replay(activations), concepts.pictures, [2, 4], size=(12, 12))
    assert all(np.array_equal(one, two) for one, two in zip(masks, again, strict=True))
    assert np.array_equal(opened.basis, found.basis)
    with pytest.raises(ConfigError, match=r"has 4 units, but its basis is of 5 units"):
        found.masks(Replay(activations[:, :4]), concepts.pictures, 0)


def test_a_basis_that_was_changed_is_damaged(activations, concepts, tmp_path):
    found = look(activations, concepts, "random-rotation")
    found.save(tmp_path / "layer")
    written(tmp_path / "layer", directions=found.basis[:3])
    with pytest.raises(DataError, match=r"basis.safetensors is damaged.*5 x 5"):
        load(tmp_path / "layer").basis  # noqa: B018


def test_directions_are_not_compared_by_number_with_others(activations, concepts):
    units = look(activations, concepts)
    rotated = look(activations, concepts, "random-rotation")
    other = look(activations, concepts, "random-rotation", basis_seed=1)
    for a, b, rows in (
        (units, rotated, "A's rows are units, B's directions of 5 units (random-rotation, seed 0)"),
        (rotated, other, "B's directions of 5 units (random-rotation, seed 1)"),
    ):
        compared = compare(a, b)
        assert compared.summary()["layers"]["layer"]["match"] == "concept"
        assert any(rows in warning for warning in compared.warnings)
        with pytest.raises(ConfigError, match="not dissected along the same directions"):
            compare(a, b, match="identity")
        assert compare(a, b, match="profile").layers
    same = compare(rotated, look(activations, concepts, "random-rotation"))
    assert same.summary()["layers"]["layer"]["match"] == "identity"


SPOILED = {
    "no such layer": (
        {"layer1": torch.eye(5), "other": torch.eye(5)},
        r'has no tensor "layer" \(did you mean "layer1"\?\)',
    ),
    "other units": ({"layer": torch.eye(4)}, r"4 x 4, but layer \"layer\" has 5 units"),
    "not finite": (
        {"layer": torch.eye(5).index_fill(1, torch.tensor([2]), torch.nan)},
        "not finite in float32 at row 0, column 2",
    ),
    "too large": ({"layer": torch.full((1, 5), 1e200, dtype=torch.float64)}, "not finite"),
    "zeros": ({"layer": torch.diag(torch.tensor([1.0, 1, 0, 0, 1]))}, "2 rows of zeros.* at 2"),
    "integers": ({"layer": torch.eye(5, dtype=torch.int64)}, "is of int64, but directions are"),
    "one axis": ({"layer": torch.ones(5)}, "has the shape 5, but must have a row"),
    "no rows": ({"layer": torch.ones(0, 5)}, "has the shape 0 x 5, but must have a row"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_tensors_that_are_no_directions_are_refused(activations, concepts, tmp_path, fault):
    tensors, message = SPOILED[fault]
    with pytest.raises(DataError, match=message) as raised:
        look(activations, concepts, written(tmp_path, **tensors))
    assert str(tmp_path / "basis.safetensors") in str(raised.value)


def test_files_that_are_no_safetensors_are_refused(activations, concepts, tmp_path):
    folder, pickle = tmp_path / "folder.safetensors", tmp_path / "pickle.safetensors"
    folder.mkdir()
    torch.save({"layer": torch.eye(5)}, pickle)
    for path, message in (
        (folder, "is a folder, but must be a file"),
        (pickle, "is not a whole safetensors file"),
        (tmp_path / "absent.safetensors", "does not exist"),
    ):
        with pytest.raises(DataError, match=message):
            look(activations, concepts, path)
    for basis in ("random", "pca.pth", str(tmp_path)):
        with pytest.raises(ConfigError, match=r"there is no basis.*choose pca or random-rotation"):
            look(activations, concepts, basis)


def test_half_precision_is_read_and_columns_of_removed_units_are_left_out(
    activations, concepts, tmp_path
):
    left = [0, 2, 3, 5, 7]
    dense = torch.randn(4, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    path = written(tmp_path, layer=dense)
    settings = DissectionSettings(layers=("layer",), basis=path, **FORM)
    found = dissect_layers(settings, Replay(activations), concepts, units={"layer": left})["layer"]
    assert np.array_equal(found.basis, dense.float()[:, left].numpy())
    assert found.units["unit"].tolist() == [0, 1, 2, 3]  # directions, of which none was removed
