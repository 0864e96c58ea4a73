"""Is every format that holds no plain weights refused in one line, with the cure?"""

import copy
import io
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from networks.reading.forms import small
from prunescope.base.errors import DataError
from prunescope.base.formats import has_weights_form
from prunescope.networks.weights import load_weights, read_state_dict
from prunescope.pruning.saved import read_weights


def _archive(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pth"), io.BytesIO())


def _scripted(path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # TorchScript is deprecated, its files remain
        torch.jit.save(torch.jit.trace(small(), torch.ones(1, 3, 8, 8)), path)


def _exported(path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        torch.export.save(torch.export.export(small(), (torch.ones(1, 3, 8, 8),)), path)


def _pickled_state(path: Path) -> None:
    torch.save({"state_dict": small().state_dict(), "model": nn.Linear(2, 2)}, path)


FORMATS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "TorchScript": ("net.pt", _scripted, "TorchScript archive.*torch.jit.load"),
    "torch.export": ("net.pt2", _exported, "torch.export.load"),
    "torch.export by another name": ("net.pt", _exported, "torch.export.load"),
    "a pickled network": (
        "net.pth",
        lambda path: torch.save(small(), path),
        r'model = torch\.load\("net\.pth", weights_only=False\).*torch\.save\(model\.state_dict',
    ),
    "a pickled network, zip no more": (
        "net.pth",
        lambda path: torch.save(small(), path, _use_new_zipfile_serialization=False),
        r'torch\.load\("net\.pth", weights_only=False\)',
    ),
    "a network beside its state": (
        "net.pth",
        _pickled_state,
        r'checkpoint = torch\.load\("net\.pth", weights_only=False\).*checkpoint\["state_dict"\]',
    ),
    "ONNX by its name": ("net.onnx", lambda path: path.write_bytes(b"\x08\x09"), "ONNX file"),
    "ONNX by its content": (
        "net.pth",
        lambda path: path.write_bytes(b"\x08\x09\x12\x07pytorch\x1a\x052.0.0"),
        "ONNX file",
    ),
    "Keras": ("net.h5", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "Keras"),
    "Keras, zipped": (
        "net.keras",
        lambda path: _archive(path, "config.json", "model.weights.h5"),
        "Keras",
    ),
    "TensorFlow": ("saved_model.pb", lambda path: path.write_bytes(b"\x08\x01"), "TensorFlow"),
    "TensorFlow's checkpoint": (
        "net.ckpt.data-00000-of-00001",
        lambda path: path.write_bytes(b"\0\0"),
        "TensorFlow",
    ),
    "numpy": ("net.npy", lambda path: np.save(path, np.ones(3)), "JAX or numpy"),
    "numpy, zipped": ("net.npz", lambda path: np.savez(path, w=np.ones(3)), "JAX or numpy"),
    "msgpack": ("net.msgpack", lambda path: path.write_bytes(b"\x81\xa1w\x01"), "JAX or numpy"),
    "GGUF": ("net.gguf", lambda path: path.write_bytes(b"GGUF\x03"), "GGUF"),
    "TFLite": ("net.tflite", lambda path: path.write_bytes(b"\0\0\0\0TFL3"), "compiled"),
    "TensorRT": ("net.engine", lambda path: path.write_bytes(b"ptrt"), "compiled"),
    "a zip": ("net.zip", lambda path: _archive(path, "weights.pth"), "unpack it"),
    "a tar": ("net.pth.tar", _tar, "unpack it"),
    "gzip": ("net.pth.gz", lambda path: path.write_bytes(b"\x1f\x8b\x08"), "unpack it"),
    "a web page": (
        "net.pth",
        lambda path: path.write_text("\n<!DOCTYPE html><html>404</html>"),
        "web page.*download",
    ),
    "a web page called safetensors": (
        "net.safetensors",
        lambda path: path.write_text("<html>not found</html>"),
        "web page.*download",
    ),
    "a pointer of Git LFS": (
        "net.safetensors",
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "git lfs pull",
    ),
    "nothing": ("net.pth", lambda path: path.write_bytes(b""), "is damaged.*it is empty"),
    "text": ("net.pth", lambda path: path.write_text("weights"), "is damaged, or no file of"),
    "a pickle of something else": (
        "net.pkl",
        lambda path: path.write_bytes(pickle.dumps({"a": 1})),
        r'a pickle of Python.*content = pickle\.load\(open\("net\.pkl", "rb"\)\)',
    ),
    "arrays of numpy": (
        "net.pth",
        lambda path: torch.save({"fc.weight": np.ones((3, 3))}, path),
        r'arrays = torch\.load\("net\.pth", weights_only=False\).*torch\.as_tensor\(array\)',
    ),
    "arrays of numpy, zip no more": (
        "net.pth",
        lambda path: torch.save(
            {"fc.weight": np.ones((3, 3))}, path, _use_new_zipfile_serialization=False
        ),
        r"torch\.as_tensor\(array\)",
    ),
    "a number of numpy beside a model": (
        "net.pth",
        lambda path: torch.save({"best": np.float64(3), "model": small().state_dict()}, path),
        r'torch\.save\(checkpoint\["model"\]',
    ),
    "tensors under numbers": (
        "net.pth",
        lambda path: torch.save({0: torch.ones(3, 3)}, path),
        "its tensors have no names: the first is stored under 0",
    ),
    "a state dict that is empty": (
        "net.pth",
        lambda path: torch.save({"state_dict": {}}, path),
        "its state_dict is empty",
    ),
}


@pytest.mark.parametrize("form", FORMATS)
def test_what_holds_no_plain_weights_is_refused_in_one_line(tmp_path: Path, form: str) -> None:
    name, write, said = FORMATS[form]
    write(tmp_path / name)
    for read in (read_weights, read_state_dict):
        with pytest.raises(DataError, match=said) as raised:
            read(tmp_path / name)
        assert "\n" not in str(raised.value)
        assert name in str(raised.value)


def test_such_files_are_known_for_weights_where_a_table_could_stand(tmp_path: Path) -> None:
    for name, write, _ in FORMATS.values():
        if name not in ("net.zip", "net.pth.gz"):
            write(tmp_path / name)
            assert has_weights_form(tmp_path / name), name
    (tmp_path / "table.txt").write_text("unit,category\n1,color\n")
    assert not has_weights_form(tmp_path / "table.txt")


FOLDERS = {
    "saved_model.pb": "TensorFlow",
    ".metadata": "dcp_to_torch_save",
    "_CHECKPOINT_METADATA": "JAX",
    "notes.txt": "a folder without weights",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_another_tool_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=FOLDERS[name]):
        read_weights(tmp_path)


def _changed(change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
    state = small().state_dict()
    return dict(state) | {"6.weight": change(state["6.weight"])}


def _quantised(tensor: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings(action="ignore"):  # torch means to drop them
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


VALUES: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "int8": (lambda w: (w * 100).to(torch.int8), "is quantised .*6.weight"),
    "int32": (lambda w: (w * 100).int(), "is quantised .*6.weight"),
    "uint8": (lambda w: (w.abs() * 100).to(torch.uint8), "is quantised .*6.weight"),
    "float8": (lambda w: w.to(torch.float8_e4m3fn), "is quantised .*6.weight"),
    "float8, the other": (lambda w: w.to(torch.float8_e5m2), "is quantised .*6.weight"),
    "quantised": (_quantised, "is quantised .*6.weight.*dequantize"),
    "complex": (lambda w: w.to(torch.complex64), r"is complex \(6.weight\)"),
    "meta": (lambda w: w.to("meta"), "holds no values of 6.weight.*device meta"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_that_are_no_weights_are_refused_with_and_without_the_network(
    tmp_path: Path, kind: str
) -> None:
    change, said = VALUES[kind]
    torch.save(_changed(change), tmp_path / "net.pth")
    with pytest.raises(DataError, match=said):
        read_weights(tmp_path / "net.pth")
    network = small()
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(DataError, match=said):
        load_weights(network, tmp_path / "net.pth")
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())


def test_float8_in_safetensors_is_refused(tmp_path: Path) -> None:
    save_file(_changed(VALUES["float8"][0]), tmp_path / "net.safetensors")
    with pytest.raises(DataError, match="is quantised"):
        read_weights(tmp_path / "net.safetensors")


def test_a_torch_mask_in_bytes_is_no_quantised_weight(tmp_path: Path) -> None:
    state = {"w.weight_orig": torch.ones(2, 2), "w.weight_mask": torch.eye(2).to(torch.uint8)}
    torch.save(state, tmp_path / "net.pth")
    assert read_weights(tmp_path / "net.pth").state["w.weight"].tolist() == [[1, 0], [0, 1]]


def test_a_mask_is_no_weights(tmp_path: Path) -> None:
    save_file({"w.weight": torch.eye(2) > 0}, tmp_path / "net.mask.safetensors")
    with pytest.raises(DataError, match="holds a mask, not weights"):
        read_weights(tmp_path / "net.mask.safetensors")
