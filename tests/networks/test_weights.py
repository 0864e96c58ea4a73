"""Do others' weights arrive unchanged, without running their code, or with a clear refusal?"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from prunescope.base.errors import DataError
from prunescope.base.tensors import save_tensors
from prunescope.networks.registry import build
from prunescope.networks.weights import fit_state_dict, load_weights, read_state_dict


class Mischief:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def make_network(classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, classes))


def assert_same(found: dict, expected: dict) -> None:
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_of_all_forms_are_read(tmp_path, wrapper, prefix, zipped):
    state = make_network().state_dict()
    stored = {prefix + key: tensor for key, tensor in state.items()}
    content = {wrapper: stored, "epoch": 3} if wrapper else stored
    torch.save(content, tmp_path / "net.th", _use_new_zipfile_serialization=zipped)
    assert_same(read_state_dict(tmp_path / "net.th"), state)


@pytest.mark.parametrize("name", ["net.safetensors", "net.bin"])
def test_safetensors_are_known_by_their_content(tmp_path, name):
    state = make_network().state_dict()
    save_tensors(tmp_path / name, {f"module.{key}": tensor for key, tensor in state.items()})
    found = read_state_dict(tmp_path / name)
    assert set(found) == set(state)
    assert all(torch.equal(found[key], state[key]) for key in state)


def test_a_prefix_that_only_some_names_have_is_kept(tmp_path):
    state = {"module.weight": torch.ones(1), "head.weight": torch.ones(1)}
    torch.save(state, tmp_path / "net.pth")
    assert list(read_state_dict(tmp_path / "net.pth")) == list(state)


def test_a_pickled_network_is_refused_and_told_what_to_do(tmp_path):
    torch.save(make_network(), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"torch\.save\(model\.state_dict\(\)"):
        read_state_dict(tmp_path / "net.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_executed(tmp_path, zipped):
    trace = tmp_path / "executed"
    content = {"state_dict": make_network().state_dict(), "extra": Mischief(trace)}
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(Mischief(trace)))
    for name in ("net.pth", "net.pkl"):
        with pytest.raises(DataError):
            read_state_dict(tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_named(tmp_path, form, share):
    path = tmp_path / f"net.{'safetensors' if form == 'safetensors' else 'pth'}"
    state = make_network(100).state_dict()
    if form == "safetensors":
        save_tensors(path, state)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"net\.(pth|safetensors) is"):
        read_state_dict(path)


@pytest.mark.parametrize("content", [b"accuracy,loss\n1,2\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04x"])
def test_a_file_of_another_kind_is_named(tmp_path, content):
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(DataError, match=r"net\.pth is damaged, or no file of weights") as raised:
        read_state_dict(tmp_path / "net.pth")
    assert "weights_only" not in str(raised.value)  # no advice to run what is in it


def test_a_torchscript_archive_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"weight": torch.ones(2)}, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/constants.pkl", b"")  # by this entry torch knows TorchScript
    with pytest.raises(DataError, match=r"net\.pt .* TorchScript archive.*torch\.save\("):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(3), "holds a Tensor, not a state dict"),
        ([torch.ones(3)], "holds a list"),
        ({}, "is empty"),
        ({"epoch": 3, "loss": 0.1}, "2 not tensors: epoch, loss"),
        ({"state_dict": {0: torch.ones(2, 2), 1: "x"}}, "1 not tensors: 1"),
        ({0: 1, "a": 2}, "2 not tensors: 0, a"),
        ({"state_dict": {"weight": torch.ones(1), "note": "x"}}, "1 not tensors: note"),
    ],
)
def test_a_file_without_a_state_dict_says_what_it_holds(tmp_path, content, message):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(DataError, match=message):
        read_state_dict(tmp_path / "net.pth")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match="do not exist, or are no file"):
        read_state_dict(tmp_path / "absent.pth")
    with pytest.raises(DataError, match="is a folder without weights"):
        read_state_dict(tmp_path)


def test_float16_weights_become_the_networks_float32():
    source, target = make_network().half(), make_network()
    fit_state_dict(target, source.state_dict(), "here")
    for key, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[key].to(tensor.dtype))
    assert target[0].weight.dtype == torch.float32


def test_quantised_weights_are_refused_by_their_keys_and_change_nothing():
    network, state = make_network(), make_network().state_dict()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    state["0.weight"] = (127 * state["0.weight"]).to(torch.int8)
    with pytest.raises(DataError, match=r"q\.pth is quantised.*0\.weight.*dequantize"):
        fit_state_dict(network, state, "q.pth")
    assert_same(network.state_dict(), before)


def test_old_files_lack_the_counters_of_batches_and_still_fit():
    network, state = make_network(), make_network().state_dict()
    del state["1.num_batches_tracked"]
    fit_state_dict(network, state, "here")
    assert torch.equal(network[0].weight, state["0.weight"])


def test_what_does_not_fit_is_named_and_changes_nothing():
    network, state = make_network(), make_network().state_dict()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    state["0.weight"] = torch.zeros(4, 3, 3, 3)
    state["5.weight"] = state.pop("2.weight")
    with pytest.raises(DataError) as caught:
        fit_state_dict(network, state, "there.pth")
    message = str(caught.value)
    assert message.startswith("there.pth does not fit the network: 1 missing in it: 2.weight; ")
    assert "1 unknown to the network: 5.weight" in message
    assert "1 of another shape: 0.weight (4, 3, 3, 3) instead of (4, 3, 1, 1)" in message
    assert "--num-classes" not in message
    assert_same(network.state_dict(), before)


def test_many_keys_are_counted_and_the_first_are_named():
    with pytest.raises(
        DataError, match=r"10 missing in it: 0\.weight, 0\.bias, 1\.weight and 7 more$"
    ):
        fit_state_dict(nn.Sequential(*make_network(), nn.Linear(1, 1)), {}, "empty.pth")


def test_a_classifier_of_another_size_says_which_number_of_classes_to_pass():
    with pytest.raises(DataError, match=r'classifier "2" knows 7 classes: pass --num-classes 7$'):
        fit_state_dict(make_network(3), make_network(7).state_dict(), "there.pth")


def test_another_layers_shape_is_not_taken_for_a_classifier():
    state = make_network().state_dict()
    state["0.weight"] = torch.zeros(4, 3, 3, 3)
    with pytest.raises(DataError) as caught:
        fit_state_dict(make_network(), state, "there.pth")
    assert "--num-classes" not in str(caught.value)


def quantised(tensor: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to drop them, but files of them remain
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: {"0.weight": quantised(state["0.weight"])}, "0.weight"),
        (lambda state: {"2._packed_params._packed_params": (1, None)}, "2._packed_params"),
        (lambda state: {"2.weight": (state["2.weight"] * 100).to(torch.int8)}, "2.weight"),
    ],
)
def test_a_quantised_checkpoint_is_refused_and_told_what_to_do(tmp_path, change, named):
    state = make_network().state_dict()
    torch.save({**state, **change(state)}, tmp_path / "int8.pth")
    with pytest.raises(DataError) as caught:
        fit_state_dict(make_network(), read_state_dict(tmp_path / "int8.pth"), "int8.pth")
    message = str(caught.value)
    assert re.search(rf"int8\.pth is quantised .*{re.escape(named)}", message)
    assert "from before it was quantised" in message


def test_whole_numbers_stay_where_the_network_has_them():
    state = make_network().state_dict()
    state["1.num_batches_tracked"] += 3
    network = make_network()
    fit_state_dict(network, state, "here")
    assert network[1].num_batches_tracked == 3


@pytest.mark.long
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
@pytest.mark.parametrize("with_heads", [True, False])
def test_auxiliary_heads_of_a_file_are_left_out(tmp_path, name, with_heads):
    stored = torchvision.models.get_model(
        name, weights=None, aux_logits=with_heads, init_weights=False, num_classes=3
    )
    torch.save(stored.state_dict(), tmp_path / "weights.pth")
    module = build(f"torchvision:{name}", num_classes=3, seed=0)
    load_weights(module, tmp_path / "weights.pth")
    assert module.state_dict().keys() <= stored.state_dict().keys()
    for key, tensor in module.state_dict().items():
        assert torch.equal(tensor, stored.state_dict()[key])


def test_a_head_that_no_network_knows_is_refused(tmp_path):
    module = build("cifar_resnet20", num_classes=10, seed=0)
    torch.save(module.state_dict() | {"aux1.weight": torch.ones(1)}, tmp_path / "weights.pth")
    with pytest.raises(DataError, match=r"unknown to the network: aux1\.weight"):
        load_weights(module, tmp_path / "weights.pth")
