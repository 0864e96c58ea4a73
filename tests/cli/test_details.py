"""Do the commands of one unit and one concept say what is asked for, and refuse the rest?"""

import json
from dataclasses import replace

import pytest

import prunescope as ps
from commands import check_refused
from layers import make_layer, save_run
from predicted import said
from prunescope.results.evaluation import Evaluation


@pytest.fixture
def saved(tmp_path):
    """A dissection D of two layers, and a run."""
    layers = [make_layer({"red": 200}, {"cat": 100, "dog": 96}, name=name) for name in ("a", "b")]
    for layer in layers:
        layer.examples[["image", "rank", "row", "peak"]] = ["x.png", 0, 0, 2.0]
        layer.save(tmp_path / "D" / layer.layer)
    lost = make_layer({"red": 20}, {"cat": 100}, name="a")
    save_run(tmp_path / "run", {(0, "dense", 0): layers[:1], (0, "lottery", 1): [lost]})
    return tmp_path


def test_a_unit_of_a_dissection(saved, prunescope):
    said = prunescope("unit", saved / "D" / "a", 1).out
    assert "a, unit 1" in said
    assert "cat (object), IoU 0.053: interpretable above 0.05" in said
    assert "of its masks 10.0 % lie on the concept (precision), of the concept 10.0 % under" in said
    assert "next best: dog (object) 0.050" in said
    printed = json.loads(prunescope("unit", saved / "D" / "a", 1, "--json").out)
    assert (printed["unit"], printed["concept"]) == (1, "cat")


def test_a_unit_shows_pearson_and_auprc_with_a_dash_where_undefined(saved, prunescope):
    layer = make_layer({"red": 200, "cat": 100})
    layer.examples[["image", "rank", "row", "peak"]] = ["x.png", 0, 0, 2.0]
    layer.units[["pearson", "auprc", "pearson_2", "auprc_2"]] = [float("nan"), 0.25, 0.5, 0.125]
    layer.save(saved / "E" / "layer4")
    said = prunescope("unit", saved / "E", 0).out
    assert "over all pixels: Pearson –, AUPRC 0.250" in said
    assert "(Pearson 0.500, AUPRC 0.125)" in said
    assert "– 0.250 " in " ".join(prunescope("concept", saved / "E", "red").out.split())


def test_a_unit_of_a_dissection_says_in_how_many_draws_it_sees_its_concept(saved, prunescope):
    drawn = ps.load(saved / "D" / "a").resample(draws=40, seed=3).units.iloc[1]
    options = ("--draws", 40, "--seed", 3)
    printed = json.loads(prunescope("unit", saved / "D" / "a", 1, *options, "--json").out)
    assert printed["resampling"] == {"draws": 40, "seed": 3}
    assert 0 < printed["interpretable_share"] == drawn["interpretable_share"] < 1
    assert printed["concept_share"] == drawn["concept_share"]
    said = prunescope("unit", saved / "D" / "a", 1, *options).out
    share, label = (100 * drawn[f"{name}_share"] for name in ("interpretable", "concept"))
    assert f"interpretable in {share:.1f} % of 40 draws of the images, with this label" in said
    assert f"with this label in {label:.1f} %" in said
    printed = json.loads(prunescope("concept", saved / "D" / "a", "cat", *options, "--json").out)
    assert printed["units"][0]["concept_share"] == drawn["concept_share"]
    said = prunescope("concept", saved / "D" / "a", "cat", *options).out
    assert "interpretable in draws  with its concept  interpretable" in said
    assert "draws" not in prunescope("unit", saved / "D" / "a", 1, "--draws", 0).out


def test_without_counts_of_single_images_nothing_is_said_of_draws(saved, prunescope):
    layer = ps.load(saved / "D" / "a")
    older = replace(layer, images=layer.images[["image"]])
    older.save(saved / "older")
    ended = prunescope("unit", saved / "older", 1)
    assert "warning: older has no counts of single images" in ended.err
    assert "draws" not in ended.out


def test_a_concept_of_a_dissection(saved, prunescope):
    said = prunescope("concept", saved / "D", "dog", "--layer", "b").out
    assert "b, dog (object)" in said
    assert "the best label of no unit" in said
    assert said.splitlines()[-4].strip() == "other units that overlap it, most first:"
    assert said.split()[-3:] == ["1", "0.050", "cat"]


def test_units_and_concepts_of_a_run_are_followed_through_its_levels(saved, prunescope):
    said = prunescope("unit", saved / "run", 0).out
    assert said.splitlines()[0] == "a, unit 0, replicate 0"
    assert said.splitlines()[-1].split()[-1] == "lost"
    said = prunescope("concept", saved / "run", "cat").out
    assert said.splitlines()[0] == "a, cat (object), replicate 0"
    assert said.splitlines()[-1].split()[-1] == "kept"


def test_what_is_not_there_is_refused(saved, prunescope):
    check_refused(prunescope("unit", saved / "D", 0), "has a, b: say which with --layer")
    check_refused(prunescope("unit", saved / "D", 0, "--layer", "aa"), 'did you mean "a"?')
    check_refused(prunescope("unit", saved / "D" / "a", 7), "unit 7 is asked for, but a has units")
    check_refused(prunescope("concept", saved / "run", "rad"), 'did you mean "red"?')
    check_refused(prunescope("concept", saved / "nothing", "red"), "nothing")
    check_refused(prunescope("unit", saved / "run", 0, "--draws", 9), "give one of its levels")


def test_what_holds_no_units_is_called_by_its_name(saved, prunescope):
    prunescope("compare", saved / "D", saved / "D", "--draws", 0, "--out", saved / "C")
    Evaluation.of(said((0, 2), (0, 2))).save(saved / "E")
    for command in (("unit", "C", 0), ("concept", "C", "red"), ("export", "C", "--out", "x.csv")):
        name, place, *rest = command
        check_refused(prunescope(name, saved / place, *rest), "C is a comparison: give one of the")
    check_refused(prunescope("unit", saved / "E", 0), "E is an evaluation")
