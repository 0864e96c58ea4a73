"""Are a study's photographs read when they are needed, and only then?"""

import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from prunescope.experiment.known import Known, record_known, recorded

from prunescope.base.errors import DataError
from prunescope.experiment.sources import Sources, look_again
from prunescope.recipe import Recipe

TinyStudy = Callable[..., Recipe]


def test_photographs_are_counted_without_being_read(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    for photograph in (copy / "train").rglob("*.png"):
        photograph.write_bytes(b"no picture")
    sources = Sources(tiny_study(data={"source": str(copy), "test_split": "val"}))
    assert sources.train_count == 40


def test_an_empty_class_folder_is_noticed_though_no_file_changed(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    study = tiny_study(data={"source": str(copy), "test_split": "val"})
    before = Sources(study).data_fingerprint
    (copy / "train" / "aardvark").mkdir()
    assert Sources(study).data_fingerprint != before
    (copy / "train" / "aardvark").rmdir()
    assert Sources(study).data_fingerprint == before


def test_chosen_classes_enter_the_identity_and_the_count_of_photographs(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    whole, first, second = (
        Sources(tiny_study(data=values["data"] | {"classes": classes})).known_data
        for classes in (None, ["aeroplane", "house"], ["house", "aeroplane"])
    )
    assert len({whole.fingerprint, first.fingerprint, second.fingerprint}) == 3
    assert (whole.images, first.images, second.images) == (40, 8, 8)
    assert whole == Sources(tiny_study()).known_data


def test_what_was_recorded_of_other_classes_is_not_taken(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    whole, chosen, others = (
        tiny_study(data=values["data"] | {"classes": classes}) for classes in (None, 2, 3)
    )
    for study in (whole, chosen):
        record = record_known(study, data=BEFORE, concepts=BEFORE)
        for other in (whole, chosen, others):
            assert recorded(other, record, "data") == (BEFORE if other is study else None)


def test_photographs_let_go_leave_memory_and_come_back(tiny_study: TinyStudy) -> None:
    sources = Sources(tiny_study())
    kept = weakref.ref(sources.train_images)
    pixels = sources.train_images.pixels
    sources.let_go()
    assert kept() is None
    assert torch.equal(sources.train_images.pixels, pixels)


BEFORE = Known(fingerprint="5" * 64, images=7)


@pytest.mark.parametrize("source", ["scenes", "somebody/photographs"])
def test_looking_at_a_run_draws_and_downloads_nothing(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    study = tiny_study(data={"source": source}, concepts={"source": "scenes"})
    sources, unread = look_again(study, record_known(study, data=BEFORE, concepts=BEFORE))
    assert sources.known_data == sources.known_concepts == BEFORE
    assert unread == {}
    assert not (tmp_path / "cache").exists()


def test_what_is_there_is_looked_at_whatever_was_recorded(tiny_study: TinyStudy) -> None:
    study = tiny_study()
    sources, unread = look_again(study, record_known(study, data=BEFORE, concepts=BEFORE))
    assert sources.known_data == Sources(study).known_data
    assert sources.known_concepts == Sources(study).known_concepts
    assert unread == {}


def test_what_was_recorded_of_another_source_is_not_taken(tiny_study: TinyStudy) -> None:
    gone = tiny_study(data={"source": "/nowhere/now", "test_split": "val"})
    own, former = (
        record_known(study, data=BEFORE, concepts=BEFORE) for study in (gone, tiny_study())
    )
    sources, unread = look_again(gone, own)
    assert sources.known_data == BEFORE
    assert list(unread) == ["data"]
    for record in (former, {}):
        with pytest.raises(DataError, match="/nowhere/now does not exist"):
            look_again(gone, record)


def test_what_was_recorded_of_another_conventions_split_is_not_taken(
    tiny_study: TinyStudy,
) -> None:
    """`quick` takes the split train where none is stated, `exact` every image."""
    exact, quick = (
        tiny_study(
            concepts={"source": "scenes"}, dissection={"layers": ["layer3"], "convention": name}
        )
        for name in ("exact", "quick")
    )
    record = record_known(exact, data=BEFORE, concepts=BEFORE)
    assert record["concepts"]["split"] is None
    assert recorded(exact, record, "concepts") == BEFORE
    assert recorded(quick, record, "concepts") is None
    again = record_known(quick, data=BEFORE, concepts=BEFORE)
    assert again["concepts"]["split"] == "train"
    assert recorded(quick, again, "concepts") == BEFORE
