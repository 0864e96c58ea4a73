"""Do units get the words that are right by construction, without labels and with them?"""

import numpy as np
import pandas as pd
import pytest
import torch

import prunescope as ps
from coloured import COLOURS
from commands import Prunescope, check_refused
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.dissection.words.image_level import ImageLevel
from prunescope.dissection.words.settings import WordSettings
from ranks import in_parallel

ON = {"resolution": 8, "mean": (0.0,) * 3, "std": (1.0,) * 3, "quantile": 0.1, "examples": 2}
WORDS = {"words": "words.txt", "encoder": "coloured_code:encoder", "word_draws": 99}
RIGHT = ["blue", "red", "green"]
_HOW = "--layer 0 --resolution 8 --mean 0,0,0 --std 1,1,1 --quantile 0.1"
_WORDS = "--words words.txt --encoder coloured_code:encoder --word-draws 99"
DISSECT, ASKED = ["dissect", "coloured_code:network", *_HOW.split()], _WORDS.split()


def network():
    return ps.load("coloured_code:network").module


@pytest.fixture
def found(here):
    return ps.dissect(network(), "0", "images:pictures", **ON, **WORDS)["0"]


def test_units_get_the_words_that_are_right_on_images_without_labels(found):
    words = found.words
    assert words["unit"].tolist() == [0, 1, 2, 3]
    for word, prefix in (("word", ""), ("correlated_word", "correlation_")):
        assert words[word].tolist()[:3] == RIGHT
        assert words[f"{prefix}p"].tolist()[:3] == [0.01] * 3
        assert words[f"{prefix}beyond_chance"].tolist() == [True, True, True, False]
        assert pd.isna(words[word][3])
    about = found.summary["words"]
    assert about["beyond_chance"] == about["words"] == 3
    assert (about["count"], about["images_looked_at"], about["draws"]) == (4, 6, 99)


def test_without_labels_units_have_thresholds_and_examples_but_no_concept(found):
    units = found.units
    assert units["concept"].isna().all()
    assert units["iou"].isna().all()
    assert not units[["interpretable", "dead"]].any(axis=None)
    assert (units["threshold"][:3] > 0.5).all()
    assert found.summary["interpretable"] == found.summary["concepts"] == 0
    best = found.examples[found.examples["unit"] == 0]["image"]
    assert best.str.startswith("blue/").all()
    assert found.overlap.intersection.shape == (4, 0)


def test_words_come_beside_the_concepts_of_a_set_with_labels_and_change_none(here, drawn):
    asked = {**ON, "association": False, "limit": 40}
    alone = ps.dissect(network(), "0", f"broden:{drawn}", **asked)["0"]
    both = ps.dissect(network(), "0", f"broden:{drawn}", **asked, **WORDS)["0"]
    pd.testing.assert_frame_equal(alone.units, both.units)
    assert alone.words is None
    assert "words" not in alone.summary
    assert both.words is not None
    assert set(both.words["word"][:3]) <= {*RIGHT, "wooden"}


def test_what_was_found_is_saved_and_read_again(found, tmp_path):
    whole = ps.Dissection(layers={"0": found})
    whole.save(tmp_path / "D")
    for read in (ps.Dissection.load(tmp_path / "D")["0"], ps.load(tmp_path / "D")["0"]):
        pd.testing.assert_frame_equal(read.words, found.words)
        pd.testing.assert_frame_equal(read.units, found.units)
        assert read.summary == found.summary
    table = pd.read_parquet(tmp_path / "D/0/words.parquet")
    table.assign(unit=table["unit"] + 1).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "other.parquet").replace(tmp_path / "D/0/words.parquet")
    (tmp_path / "D/layers.json").unlink()
    with pytest.raises(DataError, match=r"words.parquet"):
        _ = ps.Dissection.load(tmp_path / "D")["0"].words


@pytest.mark.long
def test_the_commands_say_and_show_the_words(prunescope: Prunescope, here, tmp_path):
    out = tmp_path / "D"
    ended = prunescope(*DISSECT, "--concepts", "images:pictures", *ASKED, "--out", out)
    assert ended.status == 0, ended.err
    said = "words: of 4, by coloured_code:encoder, 3 units with a word beyond chance, 3 different"
    for text in (ended.out, prunescope("summary", out).out):
        assert said in text
        assert "no concepts, since the images have no labels" in text
    shown = prunescope("unit", out, "1")
    assert "word: red, soft WPMI" in shown.out
    assert "by correlation: red, r" in shown.out
    assert "label" not in shown.out
    constant = prunescope("unit", out, "3")
    assert "it is as active on every image" in constant.out


def test_labels_are_not_looked_for_where_there_are_none(prunescope: Prunescope, here, tmp_path):
    ended = prunescope(*DISSECT, "--concepts", "images:pictures", "--out", tmp_path / "D")
    check_refused(ended, "images:pictures has no labels", "--words FILE and --encoder NAME")
    options = (
        "--null 9",
        "--categories object",
        "--quantiles 0.2",
        "--convention lite",
        "--formulas 2",
    )
    for option in options:
        name, value = option.split()
        ended = prunescope(*DISSECT, "--concepts", "images:pictures", *ASKED, name, value)
        check_refused(ended, f"{name[2:]} is about labels", "images:pictures has none")


def test_several_processes_find_the_same_words(here):
    concepts = open_concepts("images:pictures", limit=50)
    settings = DissectionSettings(layers=("0",), batch_size=7, **ON)
    asked = WordSettings(**WORDS)
    alone = dissect_layers(settings, network(), concepts, words=asked)["0"]

    networks = [network() for _ in range(3)]

    def share(ranks):
        own = networks[ranks.rank]
        return dissect_layers(settings, own, concepts, words=asked, ranks=ranks)["0"]

    for each in in_parallel(share, 3):
        pd.testing.assert_frame_equal(each.words, alone.words)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_activations_of_images_are_the_mean_or_the_highest_of_their_cells(pooling):
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 2, 4))).float()
    from prunescope.base.ranks import ALONE

    level = ImageLevel(pooling)
    level.add([3, 0], {"a": maps[[3, 0]]})
    level.add([1, 4, 2], {"a": maps[[1, 4, 2]]})
    expected = getattr(np, pooling)(maps.double().numpy(), axis=(2, 3))
    found = level.of_layers(["a"], ALONE)["a"]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_max_pooling_is_another_choice(here):
    asked = {**WORDS, "word_activation": "max"}
    words = ps.dissect(network(), "0", "images:pictures", **ON, **asked)["0"].words
    assert words["word"].tolist()[:3] == RIGHT


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"words": "words.txt"}, "encoder names no model"),
        ({"encoder": "mine:one"}, "words names no file"),
        ({"word_draws": 9}, "word_draws is about the words"),
        ({**WORDS, "word_first": 1.0}, "word_first is 1"),
        ({**WORDS, "word_last": 0.999}, "word_last is 0.999"),
        ({**WORDS, "word_activation": "median"}, "word_activation is 'median'"),
        ({**WORDS, "words": "lost.txt"}, "there is no file of words lost.txt"),
        ({**WORDS, "engine": "ray"}, "leave out --engine"),
    ],
)
def test_what_cannot_be_asked_for_is_told(here, stated, said):
    with pytest.raises((ConfigError, DataError), match=said):
        ps.dissect(network(), "0", "images:pictures", **ON, **stated)


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        ("coloured_code:Uneven", "two sides .* do not match: it makes 3 .* image, but 2 of a word"),
        ("coloured_code:Failing", r"encode_words fails: ValueError: no words today .*line \d+"),
        ("coloured_code:Flat", "encode_images returns a tensor of 1 axes"),
        ("coloured_code:Blank", "makes only zeros of the word red"),
        ("coloured_code:Short", "returns 1 rows for 32"),
        ("coloured_code:nothing", "returns an int, but must return .* encode_images"),
        ("coloured_code:encodre", 'no function "encodre".*mean "encoder"'),
        ("open-clop:ViT-B-32", 'no encoder "open-clop:ViT-B-32".*mean "open-clip"'),
        ("open-clip:", "names no model"),
        ("open-clip:RN50,weights=x", 'has no option "weights"'),
    ],
)
def test_an_encoder_that_cannot_be_used_is_told(here, encoder, said):
    with pytest.raises((ConfigError, DataError), match=said):
        ps.dissect(network(), "0", "images:pictures", **ON, **{**WORDS, "encoder": encoder})


def test_the_colours_of_the_pictures_are_their_folders(colours):
    assert set(open_concepts(f"images:{colours / 'pictures'}").splits) == set(COLOURS)
