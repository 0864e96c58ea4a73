"""Which small folder of videos do the tests read?"""

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from concepts.voc_files import palette
from concepts.worlds import grey, photograph

Content = str | bytes | Image.Image | None
CLASSES = {"bear": {"1": "bear"}, "dance": {"1": "person", "2": "dog"}}


def indexed(values: object) -> Image.Image:
    """Return a map with a palette, as DAVIS has it."""
    picture = grey(values)
    picture.putpalette(palette())
    return picture


BEAR = indexed([[0, 1, 1, 0]] * 3)
DANCE = indexed([[1, 1, 0, 2], [1, 0, 0, 255], [0, 0, 0, 2]])


def write_davis(root: Path, changes: Mapping[str, Content] | None = None) -> Path:
    """Write two videos, of five frames and of one, and a frame without a map; None leaves out."""
    frames = [*(f"bear/{number:05}" for number in range(5)), "dance/00000"]
    files: dict[str, Content] = {
        **{f"JPEGImages/480p/{frame}.jpg": photograph(3, 4) for frame in frames},
        "JPEGImages/480p/dance/00001.jpg": photograph(3, 4),
        **{f"Annotations/480p/{frame}.png": BEAR for frame in frames[:5]},
        "Annotations/480p/dance/00000.png": DANCE,
        "davis_semantics.json": json.dumps(CLASSES),
        "ImageSets/2017/train.txt": "bear\n",
        "ImageSets/2017/val.txt": "dance\n",
        **(changes or {}),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            content.save(path)
    return root
