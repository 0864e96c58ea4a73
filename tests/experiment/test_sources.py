"""Are a study's photographs read when they are needed, and only then?"""

import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import torch

from prunescope.experiment.sources import Sources
from prunescope.study import Study

TinyStudy = Callable[..., Study]


def test_photographs_are_counted_without_being_read(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    for photograph in (copy / "train").rglob("*.png"):
        photograph.write_bytes(b"no picture")
    sources = Sources(tiny_study(data={"source": str(copy), "test_split": "val"}))
    assert sources.train_count == 40


def test_photographs_let_go_leave_memory_and_come_back(tiny_study: TinyStudy) -> None:
    sources = Sources(tiny_study())
    kept = weakref.ref(sources.train_images)
    pixels = sources.train_images.pixels
    sources.let_go()
    assert kept() is None
    assert torch.equal(sources.train_images.pixels, pixels)
