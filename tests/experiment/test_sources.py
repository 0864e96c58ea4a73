"""Are a study's photographs read when they are needed, and only then?"""

import os
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.experiment import source_facts
from prunescope.experiment.facts import SourceFacts, StudyFacts, record_facts, recorded_facts
from prunescope.experiment.source_facts import facts_of, facts_of_run
from prunescope.experiment.sources import Sources
from prunescope.recipe import Recipe

TinyStudy = Callable[..., Recipe]
LONG_AGO = 1_500_000_000


def test_photographs_are_counted_without_being_read(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    for photograph in (copy / "train").rglob("*.png"):
        photograph.write_bytes(b"no picture")
    study = tiny_study(data={"source": str(copy), "test_split": "val"})
    assert facts_of(study).data.images == 40


def test_an_empty_class_folder_is_noticed_though_no_file_changed(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    study = tiny_study(data={"source": str(copy), "test_split": "val"})
    before = facts_of(study).data.fingerprint
    (copy / "train" / "aardvark").mkdir()
    assert facts_of(study).data.fingerprint != before
    (copy / "train" / "aardvark").rmdir()
    assert facts_of(study).data.fingerprint == before


def test_chosen_classes_enter_the_identity_and_the_count_of_photographs(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    whole, first, second = (
        facts_of(tiny_study(data=values["data"] | {"classes": classes})).data
        for classes in (None, ["aeroplane", "house"], ["house", "aeroplane"])
    )
    assert len({whole.fingerprint, first.fingerprint, second.fingerprint}) == 3
    assert (whole.images, first.images, second.images) == (40, 8, 8)
    assert whole == facts_of(tiny_study()).data


def test_what_was_recorded_of_other_classes_is_not_taken(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    whole, chosen, others = (
        tiny_study(data=values["data"] | {"classes": classes}) for classes in (None, 2, 3)
    )
    for study in (whole, chosen):
        record = record_facts(study, BOTH)
        for other in (whole, chosen, others):
            assert recorded_facts(other, record, "data") == (BEFORE if other is study else None)


def test_photographs_let_go_leave_memory_and_come_back(tiny_study: TinyStudy) -> None:
    sources = Sources(tiny_study())
    kept = weakref.ref(sources.train_images)
    pixels = sources.train_images.pixels
    sources.let_go()
    assert kept() is None
    assert torch.equal(sources.train_images.pixels, pixels)


BEFORE = SourceFacts(fingerprint="5" * 64, images=7)
BOTH = StudyFacts(data=BEFORE, concepts=BEFORE)


@pytest.mark.parametrize("source", ["scenes", "somebody/photographs"])
def test_looking_at_a_run_draws_and_downloads_nothing(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    study = tiny_study(data={"source": source}, concepts={"source": "scenes"})
    facts, unread = facts_of_run(study, record_facts(study, BOTH))
    assert facts == BOTH
    assert unread == {}
    assert not (tmp_path / "cache").exists()


def test_what_is_there_is_looked_at_whatever_was_recorded(tiny_study: TinyStudy) -> None:
    study = tiny_study()
    facts, unread = facts_of_run(study, record_facts(study, BOTH))
    assert facts.data == facts_of(study).data
    assert facts.concepts == facts_of(study).concepts
    assert unread == {}


def test_concepts_are_not_opened_again_before_a_file_of_theirs_changes(
    tiny_study: TinyStudy, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    copy = Path(shutil.copytree(pictures, tmp_path / "copy"))
    for file in copy.rglob("*"):
        os.utime(file, (LONG_AGO, LONG_AGO))
    study = tiny_study(concepts={"source": f"broden:{copy}"})
    facts = facts_of(study)
    record = record_facts(study, facts)
    assert facts_of_run(study, record) == (facts, {})
    with monkeypatch.context() as unopened:
        unopened.setattr(source_facts, "concepts_of", None)
        assert facts_of_run(study, record) == (facts, {})
    image = next((copy / "images" / "train").rglob("*.png"))
    image.write_bytes(image.read_bytes() + b"more")
    found, unread = facts_of_run(study, record)
    assert found.concepts.fingerprint != facts.concepts.fingerprint
    assert not unread
    image.unlink()
    found, unread = facts_of_run(study, record)
    assert found.concepts == facts.concepts
    assert image.name in unread["concepts"]


def test_what_was_recorded_of_another_source_is_not_taken(tiny_study: TinyStudy) -> None:
    gone = tiny_study(data={"source": "/nowhere/now", "test_split": "val"})
    own, former = (record_facts(study, BOTH) for study in (gone, tiny_study()))
    facts, unread = facts_of_run(gone, own)
    assert facts.data == BEFORE
    assert list(unread) == ["data"]
    for record in (former, {}):
        with pytest.raises(DataError, match="/nowhere/now does not exist"):
            facts_of_run(gone, record)


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
    record = record_facts(exact, BOTH)
    assert record["concepts"]["split"] is None
    assert recorded_facts(exact, record, "concepts") == BEFORE
    assert recorded_facts(quick, record, "concepts") is None
    again = record_facts(quick, BOTH)
    assert again["concepts"]["split"] == "train"
    assert recorded_facts(quick, again, "concepts") == BEFORE
