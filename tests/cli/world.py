"""What lies in the folder in which commands are given bad inputs, and how is it spoiled?

Every function here that spoils something returns a function of no arguments, which does so in the
current folder.
"""

import io
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch import nn

from concepts.ade_files import write_full, write_parsing
from concepts.cityscapes_files import write_cityscapes
from concepts.coco_files import write_coco
from concepts.davis_files import write_davis
from concepts.hub_files import saved, with_maps
from concepts.packing import archive_of, entry, packed
from concepts.voc_files import CAR, save_map, write_voc
from concepts.worlds import FILES, MASKS, write_folder
from layers import make_layer
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.concepts.scenery.scene_set import SceneSet
from prunescope.concepts.scenes import draw_scenes
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.results.dissection import Dissection
from runs import tiny_recipe

NETWORK = "cifar_resnet20,width=0.25"
IMAGE = "set/images/train/aeroplane/0000.png"
MAP = "set/images/labels/train/aeroplane/0000_color.png"
LEVEL = "run/replicate-0/lottery/level-01"
TABLE = """\
unit,category,label,score,color-label,color-truth,color-activation,color-intersect,color-iou
1,color,red,0.11,red,1000,1000,200,0.11
"""
FACTORIES = """\
import torch

def grey(): return torch.nn.Conv2d(1, 4, 3)
def number(): return 7
def needs(depth): return torch.nn.Conv2d(3, 4, depth)
def row(): return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten())
"""

ENCODERS = """\
import numpy as np

class Sound:
    words = 3
    def encode_images(self, images): return np.ones((len(images), 3))
    def encode_words(self, words): return np.ones((len(words), self.words))

def sound(): return Sound()

def uneven():
    encoder = Sound()
    encoder.words = 2
    return encoder
"""

Spoil = Callable[[], object]


def nothing() -> None:
    """Leave the folder as it is."""


class Bad(NamedTuple):
    """One bad input: the command line, words of the message, and what spoils the folder first."""

    command: str
    said: tuple[str, ...]
    spoil: Spoil = nothing


def make_world(root: Path) -> Path:
    """Fill a folder with one sound input of every kind that a command takes."""
    draw_scenes(root / "set", SceneSet(train=10, val=10, size=32))
    write_folder(root / "mine", MASKS)
    write_coco(root / "coco", file="coco.json")
    write_voc(root / "voc")
    write_full(root / "ade")
    write_parsing(root / "parsing")
    write_cityscapes(root / "city")
    write_davis(root / "davis")
    saved(with_maps(), root / "pets")
    for name, width, classes in (("dense", "0.25", 10), ("wide", "0.5", 10), ("seven", "0.25", 7)):
        network = build(f"cifar_resnet20,width={width}", num_classes=classes, seed=0)
        torch.save(network.state_dict(), root / f"{name}.pth")
    for name, layer in _DISSECTED.items():
        Dissection(layers={layer.layer: layer}).save(root / name)
    (root / "table.csv").write_text(TABLE)
    (root / "factories.py").write_text(FACTORIES)
    (root / "encoders.py").write_text(ENCODERS)
    (root / "letters").mkdir()
    (root / "letters" / "letter.txt").write_text("dear")
    with TemporaryDirectory() as unpacked:
        (root / "broden1_224.zip").write_bytes(packed(write_folder(Path(unpacked), FILES)))
    (root / "tiny.yaml").write_text(yaml.safe_dump(_recipe(Path("set"))))
    _make_run(root / "run", root / "dense.pth", _recipe(root / "set"))
    return root


def _make_run(run: Path, dense: Path, recipe: dict[str, Any]) -> None:
    """Write the levels of a run that was not finished."""
    for level, keep in (("replicate-0/level-00", 1.0), ("replicate-0/lottery/level-01", 0.8)):
        pruned = prune_saved(NETWORK, PruneSettings(keep=keep), weights=dense, num_classes=10)
        path = run / level / "weights.safetensors"
        write_weights(path, pruned.network, pruned.mask, "prunescope")
    (run / "study.yaml").write_text(yaml.safe_dump(recipe))


_DISSECTED = {
    "A": make_layer({"red": 200}, {"cat": 200}),
    "B": make_layer({"red": 100}, {"dog": 200}),
    "narrow": make_layer({"red": 200}),
    "elsewhere": make_layer({"red": 200}, {"cat": 200}, name="layer3"),
    "other_set": make_layer({"red": 200}, {"cat": 200}, fingerprint="6" * 64),
}


def _recipe(pictures: Path) -> dict[str, Any]:
    recipe = tiny_recipe(pictures)
    recipe["training"] |= {"to": "2ep", "batch_size": 10, "milestones": []}
    recipe["pruning"] = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}}
    recipe["dissection"] = {"layers": ["layer3"], "quantile": 0.02, "examples": 2}
    return recipe | {"replicates": 1}


def everything_in(root: Path) -> dict[str, tuple[int, ...]]:
    """Return what is in a folder: by its path, each file's and folder's identity, time and size."""
    found = ((path, path.lstat()) for path in root.rglob("*"))
    return {str(path): (s.st_ino, s.st_mtime_ns, s.st_size) for path, s in found}


def remove(path: str) -> Spoil:
    return lambda: Path(path).unlink()


def rename(path: str, other: str) -> Spoil:
    """Move a file or a folder, into a folder that is made if need be."""

    def spoil() -> None:
        Path(other).parent.mkdir(exist_ok=True)
        Path(path).rename(other)

    return spoil


def cut(path: str, share: float = 0.5) -> Spoil:
    """Leave the first part of a file alone."""

    def spoil() -> None:
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: int(share * len(content))])

    return spoil


def write(path: str, content: str | bytes) -> Spoil:
    """Put other content into a file, made with its folder where it is not there."""

    def spoil() -> None:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def append(path: str, text: str) -> Spoil:
    return lambda: Path(path).write_text(Path(path).read_text() + text)


def replace(path: str, old: str, new: str) -> Spoil:
    """Put other words into a text that holds the old ones."""

    def spoil() -> None:
        text = Path(path).read_text()
        assert old in text
        Path(path).write_text(text.replace(old, new))

    return spoil


def paint(path: str, *shape: int, value: int | Sequence[int] = 1) -> Spoil:
    """Save a picture of one value in the place of another."""

    def spoil() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.broadcast_to(np.uint8(value), shape).copy()).save(path)

    return spoil


def palette(path: str) -> Spoil:
    """Show the map of a car in other colours than VOC does."""
    return lambda: save_map(Path(path), CAR, [9] * 768)


def in_index(column: str, value: str) -> Spoil:
    """Change a cell of the first row of the drawn set's index."""

    def spoil() -> None:
        rows = pd.read_csv("set/index.csv", dtype=str, keep_default_na=False)
        rows.loc[0, column] = value
        rows.to_csv("set/index.csv", index=False)

    return spoil


def save(path: str, make: Callable[[], object]) -> Spoil:
    """Have torch save what a function makes."""
    return lambda: torch.save(make(), path)


def whole_network() -> nn.Module:
    """Make what torch would pickle whole."""
    return build(NETWORK, num_classes=10, seed=0)


def dense_state() -> dict[str, torch.Tensor]:
    return dict(torch.load("dense.pth", weights_only=True))


def as_int8() -> dict[str, torch.Tensor]:
    """Return weights as some tools quantise them: whole numbers, whose scale lies elsewhere."""
    return {
        name: (127 * tensor).to(torch.int8) if tensor.is_floating_point() else tensor
        for name, tensor in dense_state().items()
    }


def quantised() -> dict[str, torch.Tensor]:
    """Return a state dict with a tensor as torch itself quantises it."""
    state, name = dense_state(), "linear.weight"
    with warnings.catch_warnings(action="ignore"):  # torch's, that it will go
        return state | {name: torch.quantize_per_tensor(state[name], 0.1, 0, torch.qint8)}


def with_nan() -> dict[str, torch.Tensor]:
    state = dense_state()
    state["conv1.weight"][0, 0, 0, 0] = torch.nan
    return state


def revive(path: str) -> Spoil:
    """Make pruned weights of a file other than zero."""
    return lambda: save_tensors(
        Path(path), {name: tensor + 1 for name, tensor in load_tensors(Path(path)).items()}
    )


def basis(path: str, **units: int) -> Spoil:
    """Write a basis of two directions of so many units of each layer."""
    return lambda: save_tensors(Path(path), {name: torch.ones(2, n) for name, n in units.items()})


def bad_mask(path: str) -> Spoil:
    """Write a mask of another network's shapes."""
    return lambda: save_tensors(Path(path), {"conv1.weight": torch.ones(2, 2, dtype=torch.bool)})


def zipped(path: str, name: str, kind: int, content: bytes = b"x") -> Spoil:
    """Write an archive of the set's files and one entry more, of a name and kind."""

    def spoil() -> None:
        file = io.BytesIO(Path("broden1_224.zip").read_bytes())
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(entry(name, kind), content, zipfile.ZIP_DEFLATED)
        Path(path).write_bytes(file.getvalue())

    return spoil


def zipped_without_set(path: str) -> Spoil:
    return write(path, archive_of(("a.txt", b"no set")))
