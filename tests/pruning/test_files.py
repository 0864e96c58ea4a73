"""Does a file go in, pruned, and out again as every tool wants it?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import prune as torch_prune

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import save_tensors
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.mask import Mask
from prunescope.pruning.saved import read_weights
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights

NAME = "cifar_resnet20,width=0.25"


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    path = tmp_path_factory.mktemp("dense") / "dense.pth"
    torch.save(build(NAME, num_classes=4, seed=3).state_dict(), path)
    return path


def pruned_from(weights, **options):
    read = {name: options.pop(name) for name in ("key", "mask", "infer_mask") if name in options}
    return prune_saved(NAME, PruneSettings(**options), weights=weights, num_classes=4, **read)


def write(out, pruned, form="prunescope"):
    return write_weights(out, pruned.network, pruned.mask, form)


def test_what_is_written_opens_by_itself_and_is_exactly_as_sparse_as_asked(dense, tmp_path):
    pruned = pruned_from(dense, keep=0.168)
    files = write(tmp_path / "new" / "small.safetensors", pruned)
    assert [file.name for file in files] == ["small.safetensors", "small.mask.safetensors"]
    assert sorted(path.name for path in files[0].parent.iterdir()) == sorted(
        file.name for file in files
    )
    loaded = load_network(str(files[0]))
    assert (loaded.name, loaded.num_classes) == (NAME, 4)
    assert loaded.input == load_network(NAME, num_classes=4).input
    mask = Mask.load(files[1])
    assert mask.survivors == round(0.168 * mask.size)
    state = loaded.module.state_dict()
    left = sum(int(torch.count_nonzero(state[name])) for name in mask)
    assert left == mask.survivors
    counts = pruned.as_dict()
    assert (counts["survivors"], counts["keep"]) == (left, mask.keep)
    assert sum(layer["survivors"] for layer in counts["layers"].values()) == left


def test_the_same_pruning_gives_the_same_bytes(dense, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.safetensors", pruned_from(dense, keep=0.5))
    for ending in (".safetensors", ".mask.safetensors"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


@pytest.mark.long
@given(
    keep=st.sampled_from([0.9, 0.5, 0.168, 0.01]),
    prunable=st.sampled_from(["all", "conv"]),
    scope=st.sampled_from(["global", "layerwise"]),
    form=st.sampled_from(["torch", "openlth"]),
)
@settings(max_examples=12, deadline=None)
def test_ours_to_another_tools_form_and_back_gives_the_same_bytes(
    dense, tmp_path_factory, keep, prunable, scope, form
):
    folder = tmp_path_factory.mktemp("round")
    ours = write(
        folder / "ours.safetensors",
        pruned_from(dense, keep=keep, prunable=prunable, scope=scope),
    )
    theirs = prune_saved(str(ours[0]), PruneSettings(), weights=None)
    write(folder / "model_ep1_it0.pth", theirs, form)
    back = write(folder / "back.safetensors", pruned_from(folder / "model_ep1_it0.pth", keep=None))
    for one, other in zip(ours, back, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_torch_itself_loads_what_is_written_for_it(dense, tmp_path):
    pruned = pruned_from(dense, keep=0.3)
    (path,) = write(tmp_path / "net.pt", pruned, "torch")
    network = build(NAME, num_classes=4, seed=9)
    for name in pruned.mask:
        module = network.get_submodule(name.removesuffix(".weight"))
        torch_prune.identity(module, "weight")
    network.load_state_dict(torch.load(path, weights_only=True))
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(network.eval()(images), pruned.network.module(images))


@pytest.mark.long
def test_openlth_finds_its_own_names_and_integers(tmp_path):
    torch.save(build("torchvision:resnet18", seed=0).state_dict(), tmp_path / "net.pth")
    pruned = prune_saved(
        "torchvision:resnet18", PruneSettings(keep=0.5), weights=tmp_path / "net.pth"
    )
    files = write(tmp_path / "level" / "model_ep90_it0.pth", pruned, "openlth")
    assert [file.name for file in files] == ["model_ep90_it0.pth", "mask.pth"]
    state, mask = (torch.load(file, weights_only=True) for file in files)
    assert torch.equal(state["model.fc.weight"], pruned.network.module.fc.weight)
    assert mask["model.fc.weight"].dtype == torch.int32
    assert {name.removeprefix("model.") for name in mask} == set(pruned.mask)
    again = prune_saved("torchvision:resnet18", PruneSettings(keep=0.5), weights=files[0])
    assert all(torch.equal(again.mask[name], pruned.mask[name]) for name in pruned.mask)


def test_a_mask_beside_the_input_is_respected(dense, tmp_path):
    first = write(tmp_path / "a.safetensors", pruned_from(dense, keep=0.5, criterion="random"))
    second = prune_saved(str(first[0]), PruneSettings(keep=0.4), weights=None)
    before = Mask.load(first[1])
    assert second.mask.survivors == round(0.4 * before.size)
    assert not any(bool((second.mask[name] & ~before[name]).any()) for name in before)
    with pytest.raises(ConfigError, match="masks only shrink"):
        prune_saved(str(first[0]), PruneSettings(keep=0.6), weights=None)


def test_weights_that_came_back_are_zeroed_again(dense, tmp_path):
    first = write(tmp_path / "a.safetensors", pruned_from(dense, keep=0.5))
    state = torch.load(dense, weights_only=True)
    torch.save(state, tmp_path / "model_ep1_it0.pth")
    mask = Mask.load(first[1])
    torch.save({name: kept.int() for name, kept in mask.items()}, tmp_path / "mask.pth")
    pruned = pruned_from(tmp_path / "model_ep1_it0.pth", keep=None)
    assert pruned.mask.revived(pruned.network.module.state_dict()) == []


@pytest.mark.long
def test_a_mask_is_inferred_from_zeros_on_request_alone(dense, tmp_path):
    path = tmp_path / "plain.pth"
    state = pruned_from(dense, keep=0.25).network.module.state_dict()
    torch.save(state, path)
    with pytest.raises(ConfigError, match=r"plain.pth has no mask: say how much to --keep"):
        pruned_from(path, keep=None)
    inferred = pruned_from(path, keep=None, infer_mask=True)
    assert inferred.mask.keep == pytest.approx(0.25, abs=1e-4)
    assert pruned_from(path, keep=0.9).mask.keep == pytest.approx(0.9, abs=1e-4)
    with pytest.raises(ConfigError, match="masks only shrink"):
        pruned_from(path, keep=0.9, infer_mask=True)


def test_a_tensor_of_which_nothing_is_left_is_named(dense):
    assert pruned_from(dense, keep=0.5).emptied == []
    assert "layer1.0.conv1.weight" in pruned_from(dense, keep=0.003, scope="layerwise").emptied


def test_half_precision_is_pruned_as_single(dense, tmp_path):
    state = torch.load(dense, weights_only=True)
    torch.save(
        {n: t.half() if t.is_floating_point() else t for n, t in state.items()}, tmp_path / "h"
    )
    pruned = pruned_from(tmp_path / "h", keep=0.5)
    assert pruned.network.module.conv1.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("out", "form", "words"),
    [
        (".", "prunescope", "is a folder"),
        ("small.pth", "prunescope", "--format torch"),
        ("small.safetensors", "torch", r"\*.pth"),
        ("small.safetensors", "openlth", r"\*.pth"),
    ],
)
def test_a_place_that_is_none_is_refused(dense, tmp_path, out, form, words):
    with pytest.raises(ConfigError, match=words):
        write(tmp_path / out, pruned_from(dense, keep=0.5), form)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_told(dense, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"file is a file: give a folder"):
        write(tmp_path / "file" / "small.safetensors", pruned_from(dense, keep=0.5))


def test_weights_must_be_given_and_fit(dense, tmp_path):
    with pytest.raises(ConfigError, match="would be pruned with random weights"):
        prune_saved(NAME, PruneSettings(keep=0.5), weights=None)
    with pytest.raises(DataError, match=r"dense.pth does not fit the network.*--num-classes 4"):
        prune_saved(NAME, PruneSettings(keep=0.5), weights=dense)
    own = write(tmp_path / "own.safetensors", pruned_from(dense, keep=0.5))[0]
    with pytest.raises(ConfigError, match="leave out --weights"):
        prune_saved(str(own), PruneSettings(keep=0.5), weights=dense)


@pytest.mark.real
def test_published_weights_are_pruned(shared, tmp_path):
    weights = shared / "models" / "cifar10_resnet20_foreign.th"
    pruned = prune_saved(
        "cifar_resnet20", PruneSettings(keep=0.2, prunable="conv"), weights=weights
    )
    path = write(tmp_path / "small.safetensors", pruned)[0]
    saved = read_weights(path)
    assert saved.mask.survivors == round(0.2 * saved.mask.size)
    before = read_weights(weights).state
    for name, kept in saved.mask.items():
        assert torch.equal(saved.state[name], before[name].where(kept, torch.tensor(0.0)))
    largest_gone = max(before[name][~kept].abs().max() for name, kept in saved.mask.items())
    smallest_left = min(before[name][kept].abs().min() for name, kept in saved.mask.items())
    assert largest_gone <= smallest_left


def test_pruned_weights_replace_pruned_weights_and_nothing_else(dense, tmp_path):
    out, (less, more) = tmp_path / "small.safetensors", (0.5, 0.25)
    write(out, pruned_from(dense, keep=less))
    write(out, pruned_from(dense, keep=more))
    assert Mask.load(tmp_path / "small.mask.safetensors").keep == pytest.approx(more, abs=1e-3)
    save_tensors(out, torch.load(dense, weights_only=True))
    with pytest.raises(ConfigError, match="is there already"):
        write(out, pruned_from(dense, keep=less))
    assert read_weights(out).state.keys() == torch.load(dense, weights_only=True).keys()


@pytest.mark.parametrize(
    ("form", "out", "taken"),
    [
        ("torch", "theirs.pth", "theirs.pth"),
        ("openlth", "theirs.pth", "theirs.pth"),
        ("openlth", "theirs.pth", "mask.pth"),
        ("prunescope", "new.safetensors", "new.mask.safetensors"),
    ],
)
def test_no_file_of_another_origin_is_replaced(dense, tmp_path, form, out, taken):
    (tmp_path / taken).write_bytes(b"precious")
    with pytest.raises(ConfigError, match=rf"{taken} is there already.*another --out"):
        write(tmp_path / out, pruned_from(dense, keep=0.5), form)
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"precious"


@pytest.mark.parametrize("form", ["torch", "openlth"])
def test_the_same_file_may_be_written_again(dense, tmp_path, form):
    for _ in range(2):
        write(tmp_path / "again.pth", pruned_from(dense, keep=0.5), form)


def test_a_level_of_a_run_is_not_replaced(dense, tmp_path):
    level = tmp_path / "replicate-0" / "level-00" / "weights.safetensors"
    write(level, pruned_from(dense, keep=0.5))
    (tmp_path / "study.yaml").write_text("name: run")
    with pytest.raises(ConfigError, match="is there already"):
        write(level, pruned_from(dense, keep=0.25))
