"""Do tensors come back as they were, in their order, from the same bytes every time?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from prunescope.base.errors import DataError, StoreError
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors

TENSORS = {
    "layer.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "conv.weight": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "counter": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "half": torch.ones(3, dtype=torch.float16),
    "empty": torch.ones(0, 4),
    "view": torch.arange(10)[::2],
}


def test_values_types_shapes_and_order_come_back(tmp_path: Path):
    save_tensors(tmp_path / "a.safetensors", TENSORS)
    loaded = load_tensors(tmp_path / "a.safetensors")
    assert list(loaded) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_others_read_the_file_too_and_theirs_are_read(tmp_path: Path):
    save_tensors(tmp_path / "ours", TENSORS, {"network": "{}"})
    theirs = load_file(tmp_path / "ours")
    assert all(torch.equal(theirs[name], tensor) for name, tensor in TENSORS.items())
    save_file({"a": torch.ones(2)}, tmp_path / "theirs", {"by": "them"})
    assert torch.equal(load_tensors(tmp_path / "theirs")["a"], torch.ones(2))
    assert load_metadata(tmp_path / "theirs") == {"by": "them"}


def test_equal_tensors_and_metadata_give_equal_bytes(tmp_path: Path):
    metadata = {letter: letter * 3 for letter in "network"}
    for attempt in range(6):  # a random order of so many keys is not the same six times
        again = dict(sorted(metadata.items(), reverse=attempt % 2 == 1))
        save_tensors(tmp_path / str(attempt), TENSORS, again)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert load_metadata(tmp_path / "0") == metadata


def test_shared_and_tracked_tensors_are_saved_and_stay_as_they_are(tmp_path: Path):
    weight = torch.nn.Parameter(torch.ones(2, 2))
    save_tensors(tmp_path / "a", {"one": weight, "two": weight, "row": weight[0]})
    loaded = load_tensors(tmp_path / "a")
    assert torch.equal(loaded["two"], torch.ones(2, 2))
    assert loaded["row"].shape == (2,)
    assert not loaded["one"].requires_grad
    assert weight.requires_grad


def test_a_file_without_metadata_has_none(tmp_path: Path):
    save_tensors(tmp_path / "a", {"a": torch.ones(1)})
    assert load_metadata(tmp_path / "a") == {}


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"a\.safetensors does not exist"):
        load_tensors(tmp_path / "a.safetensors")


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_a_torn_file_is_named(tmp_path: Path, cut: int):
    path = tmp_path / "a.safetensors"
    save_tensors(path, TENSORS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.safetensors is not a whole safetensors file"):
        load_tensors(path)


def test_a_refused_write_is_told_with_the_name(tmp_path: Path):
    with pytest.raises(StoreError, match=r"none/a cannot be written"):
        save_tensors(tmp_path / "none" / "a", TENSORS)
