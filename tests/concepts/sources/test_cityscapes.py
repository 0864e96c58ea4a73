"""Is a folder of Cityscapes a concept set, as torchvision reads it, and is each fault named?"""

import numpy as np
import pandas as pd
import pytest
from torchvision.datasets import Cityscapes

from concepts.cityscapes_files import write_cityscapes
from concepts.worlds import grey, photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, Label, splits_of

MAP = "gtFine/train/aachen/aachen_0_0_gtFine_labelIds.png"


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the folder, with changes, and opens it."""

    def write(changes=None, options="", **asked):
        root = write_cityscapes(tmp_path / "city", changes)
        return open_concepts(f"cityscapes:{root}{options}", **asked)

    return write


def test_labels_are_the_classes_that_the_authors_label(make):
    concepts = make(options=",category=group")
    assert isinstance(concepts, ConceptSet)
    theirs = [c for c in Cityscapes.classes if 7 <= c.id < 255]
    assert concepts.labels == tuple(
        Label(number=c.id - 6, name=c.name, category=c.category) for c in theirs
    )
    assert {label.category for label in make().labels} == {"object"}


def test_maps_are_what_torchvision_reads(make, tmp_path):
    concepts = make(split="train")
    theirs = Cityscapes(str(tmp_path / "city"), split="train", mode="fine", target_type="semantic")
    [(picture, target)] = theirs
    ids = np.asarray(target).astype(int)
    expected = np.where(ids >= 7, ids - 6, 0)
    [plane] = concepts.read_annotation(0).planes
    assert (plane == expected).all()
    assert (np.asarray(concepts.read_image(0)) == np.asarray(picture)).all()


def test_images_have_their_splits_and_those_without_a_map_are_left_out(make):
    concepts = make()
    assert concepts.images == (
        "train/aachen/aachen_0_0_leftImg8bit.png",
        "val/ulm/ulm_0_0_leftImg8bit.png",
    )
    assert splits_of(concepts) == ("train", "val")
    assert make(split="val").images == concepts.images[1:]
    assert (
        "without a map, and so not in the set: 1 image: test/" in check_concepts(concepts).notes[0]
    )


def test_coarse_annotations_are_another_set(make):
    coarse = {"gtCoarse/val/ulm/ulm_0_0_gtCoarse_labelIds.png": grey([[7] * 4] * 3)}
    concepts = make(coarse, ",annotations=gtCoarse")
    assert concepts.images == ("val/ulm/ulm_0_0_leftImg8bit.png",)
    assert concepts.read_annotation(0).numbers() == (1,)
    assert concepts.fingerprint != make(coarse, split="val").fingerprint


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (",annotations=fine", 'annotations .* is "fine".*give gtFine or gtCoarse'),
        (",category=groups", 'category .* is "groups".*mean "group"'),
        (",colour=x", 'no option "colour"'),
    ],
)
def test_an_option_that_there_is_not_is_told(make, options, said):
    with pytest.raises(ConfigError, match=said):
        make(options=options)


def test_folders_that_are_missing_are_named(make, tmp_path):
    with pytest.raises(DataError, match="no folder of Cityscapes: it has no folder gtCoarse"):
        make(options=",annotations=gtCoarse")
    with pytest.raises(DataError, match="it has no folder leftImg8bit"):
        open_concepts(f"cityscapes:{tmp_path}")
    maps = (MAP, "gtFine/val/ulm/ulm_0_0_gtFine_labelIds.png")
    for name in maps:
        (tmp_path / "city" / name).unlink()
    with pytest.raises(DataError, match=r"has no \*_gtFine_labelIds\.png, and so the set is empty"):
        open_concepts(f"cityscapes:{tmp_path / 'city'}")


def test_faulty_files_are_named(make, tmp_path):
    with pytest.raises(DataError, match=r"labelIds\.png holds value 34 \(12 pixels\)"):
        make({MAP: grey([[34] * 4] * 3)}).read_annotation(0)
    with pytest.raises(DataError, match=r"leftImg8bit\.png is 3 x 4 .* 4 x 4 by .*labelIds"):
        make({MAP: grey([[7] * 4] * 4)}).read_image(0)
    picture = "leftImg8bit/train/aachen/aachen_0_0_leftImg8bit.png"
    concepts = make({picture: photograph(3, 4)})
    (tmp_path / "city" / picture).unlink()
    with pytest.raises(DataError, match=r"aachen_0_0_leftImg8bit\.png .*labelIds\.png"):
        _ = concepts.fingerprint


def test_it_is_converted_with_the_same_counts(make, tmp_path):
    source = make()
    back = convert_concepts(source, tmp_path / "out")
    reports = [check_concepts(concepts) for concepts in (source, back)]
    assert [report.problems for report in reports] == [(), ()]
    pd.testing.assert_frame_equal(*(report.labels for report in reports))
    assert splits_of(back) == splits_of(source)
