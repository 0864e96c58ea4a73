"""Which set of a hundred pictures or more has a broken one, and in which ways is it broken?"""

import io
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from PIL import Image

from concepts.worlds import encoded

IMAGES = 120
_CSV = {
    "category.csv": "name,first,last\ncolor,1,3\nobject,2,4\n",
    "label.csv": "number,name\n1,red-c\n2,blue-c\n3,car\n4,house\n",
    "c_color.csv": "code,number,coverage\n1,1,2.5\n2,2,1.0\n",
    "c_object.csv": "code,number,coverage\n1,3,5.0\n2,4,0.25\n",
}
_HEAD = "image,split,ih,iw,sh,sw,color,object"
_NAMES = "name,value,category\ncar,1,object\nhouse,2,object\nred,3,color\n"


def write_broden(root: Path, count: int = IMAGES, *, without: Collection[int] = ()) -> Path:
    """Write a set in Broden's layout, of pictures of 8 x 8 and maps of 4 x 4.

    without: these of its pictures, as if they had never been there.
    """
    (root / "images/maps").mkdir(parents=True)
    for name, text in _CSV.items():
        (root / name).write_text(text)
    kept = [number for number in range(count) if number not in without]
    rows = []
    for number in kept:
        draw = np.random.default_rng(number)
        picture = Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8))
        picture.save(root / f"images/{number:03}.{'jpg' if number % 2 else 'png'}")
        for plane, labels in (("color", [0, 1, 2]), ("object", [0, 3, 4])):
            content = encoded(draw.choice(labels, (4, 4)))
            (root / f"images/maps/{number:03}_{plane}.png").write_bytes(content)
        cells = ",".join(f"maps/{number:03}_{plane}.png" for plane in ("color", "object"))
        suffix = "jpg" if number % 2 else "png"
        rows.append(f"{number:03}.{suffix},train,8,8,4,4,{cells}")
    (root / "index.csv").write_text("\n".join([_HEAD, *rows, ""]))
    return root


def write_masks(root: Path, count: int = IMAGES, *, without: Collection[int] = ()) -> Path:
    """Write the same pictures as a folder of masks; every third one has a mask of its own."""
    (root / "images/a").mkdir(parents=True)
    (root / "masks/a").mkdir(parents=True)
    (root / "names.csv").write_text(_NAMES)
    for number in range(count):
        if number in without:
            continue
        draw = np.random.default_rng(number)
        picture = Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8))
        picture.save(root / f"images/a/{number:03}.png")
        map_of_all = Image.fromarray(draw.integers(0, 4, (4, 4), np.uint8))
        map_of_all.save(root / f"masks/a/{number:03}.png")
        if number % 3 == 0:
            (root / f"masks/a/{number:03}").mkdir()
            own = Image.fromarray(draw.integers(0, 2, (4, 4), np.uint8))
            own.save(root / f"masks/a/{number:03}/car.png")
    return root


def cut(path: Path) -> None:
    """Cut a file short."""
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    """Flip a bit among the pixels of a PNG."""
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 12] ^= 4
    path.write_bytes(content)


def _of_number(number: int) -> Callable[[Path], None]:
    return lambda path: _rewrite(path, encoded(np.full((4, 4), number)))


def _rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _of_size(path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (5, 3)).save(file, "png" if path.suffix == ".png" else "jpeg")
    path.write_bytes(file.getvalue())


def _into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _into_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


MAP_FAULTS: dict[str, Callable[[Path], None]] = {
    "cut": cut,
    "flipped": flip,
    "a label beyond the list": _of_number(999),
    "another size": _of_size,
    "missing": Path.unlink,
    "empty": lambda path: _rewrite(path, b""),
    "a folder": _into_a_folder,
    "a link to itself": _into_a_link,
    "text": lambda path: _rewrite(path, b"<html>404</html>"),
}
"""What may be wrong with a label map."""
PICTURE_FAULTS = {
    name: MAP_FAULTS[name]
    for name in ("cut", "another size", "missing", "empty", "a folder", "a link to itself", "text")
}
"""What may be wrong with a photograph."""


def copied(root: Path, to: Path) -> Path:
    """Copy a set, to be broken."""
    return Path(shutil.copytree(root, to))
