"""Do networks from which channels were removed open wherever a network is named?"""

import json

import pytest
import torch
from safetensors import safe_open

from prunescope.base.errors import DataError
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build
from prunescope.pruning.audit import audit_file
from prunescope.pruning.audit_text import describe_audit
from prunescope.pruning.filters.files import prune_saved_filters
from prunescope.pruning.mask import Mask
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights

NAME = "cifar_resnet20,width=0.5"
FILTERS = PruneSettings(keep=0.5, structure="filters")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A dense network, and the same without half of the filters that can go."""
    folder = tmp_path_factory.mktemp("smaller")
    torch.save(build(NAME, num_classes=4, seed=3).state_dict(), folder / "dense.pth")
    pruned = prune_saved_filters(NAME, FILTERS, weights=folder / "dense.pth", num_classes=4)
    return write_weights(folder / "small.safetensors", pruned.network, pruned.mask, "prunescope")


def described(path):
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["network"])


def changed(path, out, change):
    """Write the file again with another description."""
    value = described(path)
    change(value)
    save_tensors(out, load_tensors(path), {"network": json.dumps(value)})
    return out


def test_it_opens_as_the_smaller_network_with_the_numbers_of_its_units(files):
    loaded = load_network(str(files[0]))
    conv = loaded.module.layer1[0].conv1
    assert (conv.out_channels, conv.weight.shape[0]) == (4, 4)
    assert loaded.module.layer1[0].conv2.in_channels == 4
    assert not loaded.unnumbered
    assert set(loaded.units) == {
        f"layer{i}.{j}.{name}" for i in (1, 2, 3) for j in (0, 1, 2) for name in ("conv1", "bn1")
    }
    dense = build(NAME, num_classes=4, seed=3)
    kept = list(loaded.units["layer1.0.conv1"])
    assert torch.equal(conv.weight, dense.layer1[0].conv1.weight[kept])
    with torch.no_grad():
        assert loaded.module(torch.zeros(1, 3, 32, 32)).shape == (1, 4)


def test_its_description_is_as_documented(files):
    value = described(files[0])
    assert set(value) == {"name", "num_classes", "mean", "std", "resolution", "units"}
    assert set(value["units"]) == {"kept", "layers"}
    assert all(isinstance(text, str) for text in value["units"]["kept"])
    assert value["units"]["layers"]["layer1.0.conv1"] == value["units"]["layers"]["layer1.0.bn1"]


def test_named_beside_its_network_it_is_the_same(files):
    by_itself, named = load_network(str(files[0])), load_network(NAME, weights=files[0])
    assert named.units == by_itself.units
    state = by_itself.module.state_dict()
    assert all(torch.equal(state[name], each) for name, each in named.module.state_dict().items())


def test_its_mask_has_the_small_shapes_and_nothing_pruned(files):
    mask, state = Mask.load(files[1]), load_tensors(files[0])
    assert mask.survivors == mask.size
    assert all(mask[name].shape == state[name].shape for name in mask)


def test_pruned_again_the_share_is_of_the_dense_network(files, tmp_path):
    settings = PruneSettings(keep=0.25, structure="filters")
    again = prune_saved_filters(str(files[0]), settings, weights=None)
    before = load_network(str(files[0])).units
    assert again.small.survivors.survivors == 3 * (2 + 4 + 8)
    for layer, kept in again.network.units.items():
        assert set(kept) < set(before[layer])
    written = write_weights(tmp_path / "b.safetensors", again.network, again.mask, "prunescope")
    assert load_network(str(written[0])).units == again.network.units


def test_audit_counts_what_is_left_of_the_dense_network(files):
    audit = audit_file(files[0])
    dense = build(NAME, num_classes=4, seed=0)
    assert audit.dense is not None
    assert audit.dense.parameters == sum(each.numel() for each in dense.parameters())
    assert audit.parameters < audit.dense.parameters
    whole = [m for m in dense.modules() if isinstance(m, torch.nn.Conv2d)]
    assert audit.dense.filters == sum(m.out_channels for m in whole) + 4
    removed = 3 * (4 + 8 + 16)
    assert audit.total("filters") == audit.dense.filters - removed
    torch.save(dense.state_dict(), files[0].parent / "again.pth")
    of_dense = audit_file(files[0].parent / "again.pth", network=NAME, num_classes=4)
    assert of_dense.dense is None
    assert audit.dense.multiply_adds == of_dense.total("multiply_adds")
    assert audit.total("multiply_adds") < audit.dense.multiply_adds
    assert audit.problems == ()
    text = describe_audit(audit)
    assert f"of {audit.dense.filters:,} filters are left" in text
    assert json.loads(json.dumps(audit.as_dict()))["dense"]["filters"] == audit.dense.filters


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["units"]["kept"].__setitem__(0, "0-2"),
        lambda value: value["units"]["kept"].__setitem__(0, "0-2,99"),
        lambda value: value["units"]["layers"].pop("layer1.0.conv1"),
        lambda value: value["units"].__setitem__("kept", "all"),
    ],
)
def test_units_that_are_not_those_of_the_file_are_refused(files, tmp_path, change):
    spoilt = changed(files[0], tmp_path / "spoilt.safetensors", change)
    with pytest.raises(DataError, match="damaged"):
        load_network(str(spoilt))


def test_shapes_alone_say_what_torch_pruning_left(tmp_path):
    import torch_pruning

    dense = build("torchvision:resnet18,stem=small", num_classes=4, seed=0)
    graph = torch_pruning.DependencyGraph().build_dependency(dense, torch.zeros(1, 3, 32, 32))
    for layer in (dense.layer1[0].conv1, dense.layer2[0].conv2, dense.layer4[1].conv1):
        graph.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, [0, 3, 5]).prune()
    dense.eval()
    torch.save(dense.state_dict(), tmp_path / "narrow.pth")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    name = "torchvision:resnet18,stem=small"
    loaded = load_network(name, weights=tmp_path / "narrow.pth", num_classes=4)
    assert loaded.unnumbered
    assert loaded.units is None
    assert loaded.module.layer2[0].conv2.out_channels == 125
    with torch.no_grad():
        assert torch.equal(loaded.module(images), dense(images))
    audit = audit_file(tmp_path / "narrow.pth", network=name, num_classes=4)
    assert audit.dense.filters - audit.total("filters") == 3 + 3 + 3 + 3 * 2
    assert any("nothing says which units are left" in note for note in audit.notes)
    with pytest.raises(DataError, match="--num-classes 4"):
        load_network(name, weights=tmp_path / "narrow.pth")


def test_shapes_that_do_not_compute_are_refused(tmp_path):
    state = build(NAME, num_classes=4, seed=0).state_dict()
    for name in ("layer1.0.conv1.weight", "layer1.0.conv2.weight"):
        state[name] = state[name][:5]
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(DataError, match="a network of these sizes does not compute"):
        load_network(NAME, weights=tmp_path / "odd.pth", num_classes=4)
