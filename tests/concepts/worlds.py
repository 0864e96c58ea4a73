"""Which tiny folders do the tests read? Every pixel of them is known."""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

Content = str | bytes | np.ndarray | Image.Image | None


def encoded(numbers: np.ndarray) -> bytes:
    """Write a label map as Broden does: R + 256 G."""
    channels = np.zeros((*numbers.shape, 3), np.uint8)
    channels[:, :, 0], channels[:, :, 1] = numbers % 256, numbers // 256
    file = io.BytesIO()
    Image.fromarray(channels).save(file, "png")
    return file.getvalue()


def deep_colours(channels: np.ndarray) -> bytes:
    """Write an RGB PNG of 16 bits per channel, which Pillow does not."""
    height, width, _ = channels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in channels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def photograph(height: int = 6, width: int = 8, mode: str = "RGB") -> bytes:
    """Write a picture with a shade of its own in every pixel."""
    shades = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    file = io.BytesIO()
    Image.fromarray(shades).convert(mode).save(file, "png")
    return file.getvalue()


COLOR_MAP = np.array([[1, 1, 0, 0], [1, 300, 300, 0], [0, 0, 0, 0]])
OBJECT_MAP = np.array([[2, 2, 2, 2], [0, 0, 0, 0], [0, 0, 0, 0]])
SECOND_OBJECT_MAP = np.array([[2, 3, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]])

# car is an object as much as a part: the tie goes to part, the later category.
# material has no column in index.csv, so wood belongs to nothing.
FILES: Mapping[str, Content] = {
    "index.csv": (
        "image,split,ih,iw,sh,sw,part,color,object\n"
        "a.png,train,6,8,3,4,2,maps/a_color.png,maps/a_1.png;maps/a_2.png\n"
        "b.png,val,6,8,3,4,,,300;0\n"
        "unlabelled.png,train,6,8,3,4,,,\n"
        "zeros.png,test,6,8,3,4,0,0;0,0\n"
        "e.png,train,6,8,3,4,3,1,\n"
    ),
    "category.csv": "name,first,last\ncolor,1,300\nobject,2,3\npart,2,3\nmaterial,4,4\n",
    "label.csv": "number,name\n1,red-c\n2,car\n3,orange\n4,wood\n300,orange-c\n",
    "c_color.csv": "code,number,coverage\n1,1,2.5\n2,300,1.0\n",
    "c_object.csv": "code,number,coverage\n1,2,5.0\n2,3,0.25\n",
    "c_part.csv": "code,number,coverage\n1,2,5.0\n2,3,0.125\n",
    "images/a.png": photograph(),
    "images/b.png": photograph(mode="L"),
    "images/e.png": photograph(),
    "images/maps/a_color.png": COLOR_MAP,
    "images/maps/a_1.png": OBJECT_MAP,
    "images/maps/a_2.png": SECOND_OBJECT_MAP,
}


def write_folder(root: Path, files: Mapping[str, Content]) -> Path:
    """Write files: text with CRLF line ends, pictures, arrays as label maps; None leaves out."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="\r\n")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Image.Image):
            content.save(path)
        elif isinstance(content, np.ndarray):
            path.write_bytes(encoded(content))
    return root


def grey(codes: object, kind: type = np.uint8) -> Image.Image:
    """Return a picture of one number per pixel."""
    return Image.fromarray(np.asarray(codes, kind))


CAR = grey([[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 0, 0]])
WHEEL = grey([[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
GRASS = grey([[0, 0, 0, 0], [0, 0, 0, 0], [9, 9, 9, 9]])
MAP = grey([[3, 3, 0, 0], [3, 255, 7, 0], [0, 0, 0, 7]])

# row 5 has no name, so the value 255 means nothing
MASKS: Mapping[str, Content] = {
    "names.csv": "name,value,category\ngrass,3,\ncar,7,object\nwheel,,part\n,255,\n",
    "images/train/a.png": photograph(),
    "images/train/b.png": photograph(mode="L"),
    "images/val/c.png": photograph(),
    "images/bare.png": photograph(),
    "masks/train/a/car.png": CAR,
    "masks/train/a/wheel.png": WHEEL,
    "masks/train/a/grass.png": GRASS,
    "masks/train/b.png": MAP,
    "masks/val/c.png": MAP,
    "masks/val/c/car.png": CAR,
}
