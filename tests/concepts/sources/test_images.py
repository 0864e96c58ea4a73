"""Is a folder of pictures a concept set without labels, and is each fault named?"""

import numpy as np
import pytest
from PIL import Image

from concepts.worlds import photograph, write_folder
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.protocol import Divisible, splits_of

FILES = {
    "train/b.png": photograph(),
    "train/a.jpg": photograph(),
    "val/deep/c.png": photograph(mode="L"),
    "d.png": photograph(),
    "notes.txt": "no picture",
}


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "pictures", FILES)


def test_all_pictures_below_the_folder_are_images_without_labels(root):
    concepts = open_concepts(f"images:{root}")
    assert isinstance(concepts, Divisible)
    assert set(concepts.images) == {name for name in FILES if name != "notes.txt"}
    assert concepts.labels == concepts.categories == ()
    assert concepts.read_image(0).mode == "RGB"
    annotation = concepts.read_annotation(0)
    assert annotation.numbers() == ()
    assert annotation.shape == (112, 112)


def test_the_first_folder_is_the_split(root):
    concepts = open_concepts(f"images:{root}")
    places = dict(zip(concepts.images, splits_of(concepts), strict=True))
    assert places == {
        "train/a.jpg": "train",
        "train/b.png": "train",
        "val/deep/c.png": "val",
        "d.png": "",
    }
    assert open_concepts(f"images:{root}", split="val").images == ("val/deep/c.png",)
    assert len(open_concepts(f"images:{root}", limit=2).images) == 2
    with pytest.raises(ConfigError, match=r'no split "vall".*mean "val"'):
        open_concepts(f"images:{root}", split="vall")


def test_the_fingerprint_is_that_of_the_content_and_of_nothing_else(root, tmp_path):
    concepts = open_concepts(f"images:{root}")
    same = write_folder(tmp_path / "elsewhere", FILES)
    assert open_concepts(f"images:{same}").fingerprint == concepts.fingerprint
    changed = write_folder(tmp_path / "changed", {**FILES, "d.png": photograph(7)})
    assert open_concepts(f"images:{changed}").fingerprint != concepts.fingerprint
    part = concepts.part([0, 2])
    assert part.images == (concepts.images[0], concepts.images[2])
    assert part.fingerprint != concepts.fingerprint
    assert concepts.tolerant_fingerprint == concepts.fingerprint


def test_pictures_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "set").mkdir()
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "set/a.jpg", exif=exif)
    assert open_concepts(f"images:{tmp_path / 'set'}").read_image(0).size == (6, 8)


def test_a_check_reads_every_picture(root):
    report = check_concepts(open_concepts(f"images:{root}"))
    assert (report.images, len(report.labels), report.problems) == (4, 0, ())
    (root / "d.png").write_bytes(b"no picture")
    [problem] = check_concepts(open_concepts(f"images:{root}")).problems
    assert "d.png" in problem


def test_a_folder_that_is_missing_or_without_pictures_is_told(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        open_concepts(f"images:{tmp_path / 'lost'}")
    with pytest.raises(DataError, match="holds no picture"):
        open_concepts(f"images:{tmp_path}")
