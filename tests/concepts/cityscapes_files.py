"""Which small folder of Cityscapes do the tests read?"""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from concepts.worlds import grey, photograph

IDS = [[23, 23, 23, 11], [26, 26, 0, 11], [7, 7, 7, 1]]


def write_cityscapes(
    root: Path, changes: Mapping[str, bytes | Image.Image | None] | None = None
) -> Path:
    """Write a folder of two images with maps and one without; None leaves a file out."""
    files: dict[str, bytes | Image.Image | None] = {
        "leftImg8bit/train/aachen/aachen_0_0_leftImg8bit.png": photograph(3, 4),
        "leftImg8bit/val/ulm/ulm_0_0_leftImg8bit.png": photograph(3, 4),
        "leftImg8bit/test/berlin/berlin_0_0_leftImg8bit.png": photograph(3, 4),
        "gtFine/train/aachen/aachen_0_0_gtFine_labelIds.png": grey(IDS),
        "gtFine/train/aachen/aachen_0_0_gtFine_instanceIds.png": grey(IDS),
        "gtFine/train/aachen/aachen_0_0_gtFine_color.png": photograph(3, 4),
        "gtFine/val/ulm/ulm_0_0_gtFine_labelIds.png": grey([[33] * 4] * 3),
        **(changes or {}),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            content.save(path)
    return root
