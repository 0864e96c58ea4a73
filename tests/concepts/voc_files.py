"""Which small folders in the layout of PASCAL VOC do the tests read?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from concepts.worlds import photograph

# of 4 x 5, with its border as VOC draws it
DOG_ON_SOFA = [
    [0, 0, 0, 0, 0],
    [18, 255, 12, 12, 255],
    [18, 255, 12, 12, 255],
    [18, 18, 18, 18, 18],
]
CAR = [[7] * 5, [7] * 5, [0] * 5, [0] * 5]


def palette() -> list[int]:
    """Return VOC's palette as its development kit computes it, bit by bit (VOClabelcolormap.m)."""
    colours = []
    for number in range(256):
        red = green = blue = 0
        left = number
        for bit in range(8):
            red |= (left & 1) << (7 - bit)
            green |= (left >> 1 & 1) << (7 - bit)
            blue |= (left >> 2 & 1) << (7 - bit)
            left >>= 3
        colours += [red, green, blue]
    return colours


def save_map(path: Path, indices: object, colours: Sequence[int] | None = None) -> None:
    """Save a map with a palette, VOC's where none is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(indices, np.uint8))
    picture.putpalette(list(palette() if colours is None else colours))
    picture.save(path)


def xml(*objects: str, height: int = 4, width: int = 5) -> str:
    """Return the XML file of an image."""
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def boxed(name: str, corners: Sequence[float], inner: str = "", tag: str = "object") -> str:
    """Return an object with its box, as left, top, right and bottom."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<{tag}><name>{name}</name><bndbox>{box}</bndbox>{inner}</{tag}>"


def write_voc(root: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """Write a folder of three images, two of them with a map and boxes."""
    files: dict[str, str | bytes | None] = {
        **{f"JPEGImages/{name}.jpg": photograph(4, 5) for name in ("a", "b", "bare")},
        "ImageSets/Segmentation/train.txt": "a\n",
        "ImageSets/Segmentation/val.txt": "b\n",
        "ImageSets/Segmentation/trainval.txt": "a\nb\n",
        "ImageSets/Main/train.txt": "a\n",
        "ImageSets/Main/val.txt": "b\n",
        "ImageSets/Main/dog_train.txt": "a  1\nb -1\n",
        "Annotations/a.xml": xml(
            boxed("dog", (2, 2, 4, 3), boxed("head", (3, 2, 4, 2.6), tag="part")),
            boxed("sofa", (1, 2, 5, 4)),
        ),
        "Annotations/b.xml": xml(boxed("car", (1, 1, 5, 2))),
        **(changes or {}),
    }
    for name, content in files.items():
        if content is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    save_map(root / "SegmentationClass/a.png", DOG_ON_SOFA)
    save_map(root / "SegmentationClass/b.png", CAR)
    return root
