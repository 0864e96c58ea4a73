"""Which images of a set are broken, and is the rest the same as if they had never been there?"""

from pathlib import Path

import pytest

from concepts.broken import (
    IMAGES,
    MAP_FAULTS,
    PICTURE_FAULTS,
    copied,
    cut,
    flip,
    write_broden,
    write_masks,
)
from prunescope.base.errors import DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.resized import with_mask_size


@pytest.fixture(scope="module")
def broden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_broden(tmp_path_factory.mktemp("sets") / "broden")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_broden(tmp_path_factory.mktemp("sets") / "broden", without=[7])


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_masks(tmp_path_factory.mktemp("sets") / "masks")


def check_same_set(found, expected):
    assert (found.images, found.fingerprint) == (expected.images, expected.fingerprint)
    assert (found.labels, found.categories) == (expected.labels, expected.categories)
    for index in range(len(expected.images)):
        planes = expected.read_annotation(index).planes
        assert (found.read_annotation(index).planes == planes).all()


@pytest.mark.parametrize("mask_size", [None, 3])
@pytest.mark.parametrize(
    ("path", "fault"),
    [
        *(("maps/007_color.png", fault) for fault in MAP_FAULTS),
        *(("007.jpg", fault) for fault in PICTURE_FAULTS),
    ],
)
def test_any_fault_of_a_file_leaves_its_image_out(tmp_path, broden, sound, path, fault, mask_size):
    root = copied(broden, tmp_path / "broden")
    (MAP_FAULTS if "maps" in path else PICTURE_FAULTS)[fault](root / "images" / path)
    found = open_concepts(f"broden:{root}", mask_size=mask_size, skip_broken=True)
    (left_out,) = found.left_out
    assert left_out.image == "007.jpg"
    assert f"images/{path} " in left_out.reason
    assert str(tmp_path) not in left_out.reason
    check_same_set(found, open_concepts(f"broden:{sound}", mask_size=mask_size))


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        # without its map, the image still has its other mask
        *(
            (fault, "masks/a/009.png")
            for fault in MAP_FAULTS
            if fault not in ("missing", "a folder")
        ),
        *((fault, "masks/a/009/car.png") for fault in ("flipped", "another size", "text")),
        *((fault, "images/a/009.png") for fault in PICTURE_FAULTS if fault != "a folder"),
    ],
)
def test_any_fault_of_a_folder_of_masks_leaves_its_image_out(tmp_path, masks, fault, path):
    root = copied(masks, tmp_path / "masks")
    MAP_FAULTS[fault](root / path)
    found = open_concepts(f"masks:{root}", skip_broken=True)
    (left_out,) = found.left_out
    assert left_out.image.startswith("a/009")
    never = write_masks(tmp_path / "never", without=[9])
    check_same_set(found, open_concepts(f"masks:{never}"))


def test_of_a_hundred_images_one_may_be_broken_and_of_fewer_none(tmp_path, broden):
    root = copied(broden, tmp_path / "broden")
    cut(root / "images/maps/003_color.png")
    whole = open_concepts(f"broden:{root}", limit=100, skip_broken=True)
    assert len(whole.images) == 99
    with pytest.raises(DataError, match="more than 1 % of the 99 images"):
        assert open_concepts(f"broden:{root}", limit=99, skip_broken=True).images


def test_what_was_mended_is_counted_again(tmp_path, broden):
    root = copied(broden, tmp_path / "broden")
    path = root / "images/maps/003_color.png"
    kept = path.read_bytes()
    for break_it in (flip, Path.unlink):
        break_it(path)
        broken = open_concepts(f"broden:{root}", skip_broken=True)
        assert [each.image for each in broken.left_out] == ["003.jpg"]
        path.write_bytes(kept)
        mended = open_concepts(f"broden:{root}", skip_broken=True)
        assert len(mended.images) == IMAGES
        assert mended.tolerant_fingerprint == open_concepts(f"broden:{root}").fingerprint


def test_an_image_that_breaks_after_the_check_ends_it_and_is_left_out_next_time(tmp_path, broden):
    root = copied(broden, tmp_path / "broden")
    concepts = open_concepts(f"broden:{root}", skip_broken=True)
    assert len(concepts.images) == IMAGES
    (root / "images/maps/003_color.png").unlink()
    with pytest.raises(DataError, match=r"003_color\.png .*could be read when .* run this again"):
        concepts.read_annotation(3)
    assert len(open_concepts(f"broden:{root}", skip_broken=True).images) == IMAGES - 1


def test_what_is_broken_is_looked_for_once(tmp_path, broden, monkeypatch):
    root = copied(broden, tmp_path / "broden")
    flip(root / "images/maps/003_color.png")
    first = open_concepts(f"broden:{root}", skip_broken=True).left_out
    monkeypatch.setattr("prunescope.concepts.broken.find_broken", None)
    assert open_concepts(f"broden:{root}", skip_broken=True).left_out == first


@pytest.mark.parametrize("content", [b"", b"[[0]]", b"{}", b'[["a", "b"]]', b"[" * 100_000])
def test_a_damaged_memory_of_what_is_broken_is_made_anew(tmp_path, broden, content):
    root = copied(broden, tmp_path / "broden")
    flip(root / "images/maps/003_color.png")
    first = open_concepts(f"broden:{root}", skip_broken=True)
    assert len(first.left_out) == 1
    first._kept_in.write_bytes(content)
    assert open_concepts(f"broden:{root}", skip_broken=True).left_out == first.left_out


def test_without_a_cache_it_is_looked_for_again(tmp_path, broden, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "file"))
    root = copied(broden, tmp_path / "broden")
    flip(root / "images/maps/003_color.png")
    assert len(open_concepts(f"broden:{root}", skip_broken=True).images) == IMAGES - 1


def test_a_set_that_is_resized_later_still_says_what_is_left_out(tmp_path, broden, sound):
    root = copied(broden, tmp_path / "broden")
    flip(root / "images/maps/007_color.png")
    resized = with_mask_size(open_concepts(f"broden:{root}", skip_broken=True), 3)
    assert [each.image for each in resized.left_out] == ["007.jpg"]
    check_same_set(resized, open_concepts(f"broden:{sound}", mask_size=3))
