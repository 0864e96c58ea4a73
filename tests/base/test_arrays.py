"""Are saved tensors read the same without torch?"""

from pathlib import Path

import pytest
import torch

from prunescope.base.arrays import load_arrays
from prunescope.base.errors import DataError
from prunescope.base.tensors import save_tensors


def test_arrays_are_the_tensors_that_were_saved(tmp_path: Path) -> None:
    saved = {"counts": torch.arange(6).reshape(2, 3), "cuts": torch.tensor([0.5]).double()}
    save_tensors(tmp_path / "a.safetensors", saved)
    read = load_arrays(tmp_path / "a.safetensors")
    assert read.keys() == saved.keys()
    for name, tensor in saved.items():
        assert read[name].dtype == tensor.numpy().dtype
        assert read[name].tolist() == tensor.tolist()


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match=r"a\.safetensors does not exist"):
        load_arrays(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"a\.safetensors is not a whole safetensors file"):
        load_arrays(path)
