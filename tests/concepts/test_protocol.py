"""Are annotations what they say, and are sets found by their names?"""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, ConceptSet
from prunescope.concepts.sources.broden import BrodenFolder


def annotation(planes: list[list[list[int]]], whole: tuple[int, ...] = ()) -> Annotation:
    return Annotation(planes=np.array(planes, np.int32), whole=whole)


def test_the_shape_of_an_annotation_is_that_of_its_label_map():
    assert annotation([[[0, 1, 2], [0, 0, 0]]]).shape == (2, 3)


def test_an_annotation_without_planes_still_knows_its_shape():
    assert Annotation(planes=np.zeros((0, 5, 7), np.int32), whole=(1,)).shape == (5, 7)


def test_an_annotation_names_every_label_once_and_never_zero():
    both = annotation([[[0, 9]], [[9, 4]]], whole=(4, 2, 2))
    assert both.numbers() == (2, 4, 9)


def test_a_broden_folder_opens_by_its_name(make_folder):
    name = f"broden:{make_folder()}"
    concepts = open_concepts(name, split="train", limit=1)
    assert concepts.name == name
    assert concepts.images == ("a.png",)


def test_a_set_is_known_by_its_form_without_computing_its_fingerprint(make_folder):
    concepts = BrodenFolder.open(make_folder({"images/a.png": None}))
    assert isinstance(concepts, ConceptSet)
    with pytest.raises(DataError):
        _ = concepts.fingerprint


def test_scenes_opens_the_embedded_folder(make_folder, monkeypatch):
    folder: Path = make_folder()
    drawn = SimpleNamespace(scenes_folder=lambda *, progress: folder)
    monkeypatch.setitem(sys.modules, "prunescope.concepts.scenes", drawn)
    concepts = open_concepts("scenes", split="val")
    assert concepts.name == "scenes"
    assert concepts.images == ("b.png",)


@pytest.mark.parametrize(
    "name", ["scene", "broden", "broden:", "masks", "masks:", "imagenet", "", "scenes:x"]
)
def test_an_unknown_name_is_told_what_there_is(name):
    with pytest.raises(ConfigError, match=r"scenes .*broden:DIR.*masks:DIR"):
        open_concepts(name)


def test_a_mistyped_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match='did you mean "scenes"'):
        open_concepts("scnes")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        open_concepts(f"broden:{tmp_path / 'nowhere'}")
