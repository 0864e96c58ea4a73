"""In which format is a file of weights, and which formats are refused, with what to do instead?"""

import zipfile
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file

INDEX = ".index.json"
SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt", ".tar", ".pkl", ".npz")
"""How files of weights end; a name that ends so is taken for a file, be it there or not."""

STATE_DICT = (
    'write its state dict: model = torch.load("FILE", weights_only=False) (which runs the code in '
    'it, so only where you trust it), then torch.save(model.state_dict(), "weights.pth")'
)
STATE_DICT_IN = (
    'write the state dict in it: checkpoint = torch.load("FILE", weights_only=False) (which runs '
    'the code in it, so only where you trust it), then torch.save(checkpoint["state_dict"], '
    '"weights.pth"), by the name that it has there'
)
ARRAYS = (
    'write its arrays as tensors: arrays = torch.load("FILE", weights_only=False) (which runs the '
    "code in it, so only where you trust it), then torch.save({name: torch.as_tensor(array) for "
    'name, array in arrays.items()}, "weights.pth")'
)
PICKLE = (
    'it is a pickle of Python: write the tensors in it: content = pickle.load(open("FILE", "rb")) '
    "(which runs the code in it, so only where you trust it), then torch.save({name: "
    'torch.as_tensor(value) for name, value in content.items()}, "weights.pth")'
)
_JIT = (
    "it is a TorchScript archive, which holds code: write its state dict: "
    'model = torch.jit.load("FILE"), then torch.save(model.state_dict(), "weights.pth")'
)
_PT2 = (
    "it is an exported program of torch.export, which holds code: write its state dict: "
    'program = torch.export.load("FILE"), then torch.save(dict(program.state_dict), "weights.pth")'
)
_ONNX = (
    "it is an ONNX file, whose weights no longer have the network's own names and may be folded "
    "together: give the checkpoint that it was exported from"
)
_KERAS = "it is a file of Keras or TensorFlow (HDF5): give weights of the same network in torch"
_TENSORFLOW = "it is a file of TensorFlow: give weights of the same network in torch"
_JAX = (
    "it holds arrays of JAX or numpy: convert them to torch's names and shapes, "
    "and write them with safetensors.torch.save_file"
)
_GGUF = "it is a GGUF file, whose weights are quantised: give the checkpoint it was made from"
_LFS = "it is a pointer of Git LFS, not the weights: fetch them with git lfs pull"
_PAGE = "it is a web page, as a download that failed leaves: download the weights again"
_PACKED = "it is a compressed archive: unpack it, and give the file of weights in it"
_COMPILED = "it is compiled for a device: give the checkpoint that it was made from"

_BEGINNINGS = (
    (b"version https://git-lfs.github.com", _LFS),
    (b"\x89HDF\r\n\x1a\n", _KERAS),
    (b"GGUF", _GGUF),
    (b"\x93NUMPY", _JAX),
    (b"\x1f\x8b", _PACKED),
    (b"BZh", _PACKED),
    (b"\xfd7zXZ", _PACKED),
    (b"7z\xbc\xaf", _PACKED),
    (b"\x28\xb5\x2f\xfd", _PACKED),
    (b"Rar!", _PACKED),
)
_ENDINGS = {
    ".onnx": _ONNX,
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".pb": _TENSORFLOW,
    ".tflite": _COMPILED,
    ".msgpack": _JAX,
    ".npy": _JAX,
    ".npz": _JAX,
    ".gguf": _GGUF,
    ".engine": _COMPILED,
    ".plan": _COMPILED,
    ".mlmodel": _COMPILED,
    ".pte": _COMPILED,
}
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_FOLDERS = {
    "saved_model.pb": _TENSORFLOW,
    "_CHECKPOINT_METADATA": _JAX,
    "manifest.ocdbt": _JAX,
    ".metadata": (
        "it is a distributed checkpoint of torch: write it into one file with "
        'torch.distributed.checkpoint.format_utils.dcp_to_torch_save("FOLDER", "weights.pth")'
    ),
}


def refuse_foreign(path: Path) -> None:
    """Raise DataError, saying what to do, for a file in a format that holds no plain state dict."""
    if reason := _reason(path, _head(path)):
        raise DataError(f"{path} cannot be read for weights: {reason.replace('FILE', path.name)}")


def refuse_foreign_folder(path: Path) -> None:
    """Raise DataError for a folder in which another tool keeps a network."""
    for name, reason in _FOLDERS.items():
        if (path / name).exists():
            advice = reason.replace("FOLDER", str(path))
            raise DataError(f"{path} cannot be read for weights: {advice}")


def has_weights_form(path: Path) -> bool:
    """Return whether a file holds weights of any tool, by its name or its first bytes."""
    head = _head(path)
    return (
        path.suffix in (*SUFFIXES, *_ENDINGS)
        or path.name.endswith(INDEX)
        or _is_safetensors(head)
        or head.startswith((b"\x80", b"PK"))
        or bool(_reason(path, head))
    )


def is_safetensors(path: Path) -> bool:
    """Return whether a file of weights is of safetensors, rather than torch's.

    Raises DataError where it is absent.
    """
    if not path.is_file():
        raise DataError(f"the weights {path} do not exist, or are no file")
    with path.open("rb") as file:
        head = file.read(9)
    return path.suffix == ".safetensors" or _is_safetensors(head)


def _head(path: Path) -> bytes:
    require_file(path)
    with path.open("rb") as file:
        return file.read(512)


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{" and not head.startswith((b"\x80", b"PK"))


def _reason(path: Path, head: bytes) -> str:
    """Return why a file cannot be read for weights, and what to do; nothing where it may be."""
    for beginning, reason in _BEGINNINGS:
        if head.startswith(beginning):
            return reason
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        return _PAGE
    if head[257:262] == b"ustar":
        return _PACKED
    if head[4:8] == b"TFL3":
        return _COMPILED
    if head.startswith(b"PK"):
        return _reason_of_archive(path)
    if path.suffix.lower() in _ENDINGS and not _is_safetensors(head):
        return _ENDINGS[path.suffix.lower()]
    if path.suffix.startswith((".data-0", ".index")) and not head.startswith(b"\x80"):
        return _TENSORFLOW
    looks_like_onnx = head[:1] == b"\x08" and (b"pytorch" in head[:64] or b"onnx" in head[:64])
    return _ONNX if looks_like_onnx else ""


def _reason_of_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""  # torch says what is wrong with it
    inner = {name.partition("/")[2] or name for name in names}
    if "constants.pkl" in inner or "bytecode.pkl" in inner:
        return _JIT
    if "data.pkl" in inner:
        return ""
    if any(name.endswith((".h5", ".weights.h5")) for name in inner):
        return _KERAS
    if any(name.endswith(".npy") for name in names):
        return _JAX
    if inner & {"archive_format", "serialized_exported_program.json", "models/model.json"}:
        return _PT2
    return _PACKED
