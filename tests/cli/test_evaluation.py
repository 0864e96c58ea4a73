"""Do the commands that evaluate say of two networks what sets them apart?"""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import prunescope as ps
from commands import Prunescope, check_refused
from prunescope.networks.registry import build
from prunescope.pruning.audit import audit_file

NETWORK = "cifar_resnet20,width=0.25"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.save(build(NETWORK, num_classes=10, seed=0).state_dict(), path)
    return path


def test_two_levels_are_laid_side_by_side(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    a, b = finished / "replicate-0/level-00", finished / "replicate-0/lottery/level-02"
    words = ["evaluate", a, b, "--data", pictures / "images", "--rounds", 2]
    ended = prunescope(*words, "--arithmetic", "plain", "--out", tmp_path / "E", "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    for letter, folder in (("a", a), ("b", b)):
        side, level = printed[letter], ps.Level.load(folder)
        assert (side["name"], side["top1"]) == (str(folder), level.accuracy)
        audit = audit_file(folder)
        for name in ("multiply_adds", "sparse_multiply_adds"):
            assert side[name] == audit.total(name)
        assert side["bytes"] == (folder / "weights.safetensors").stat().st_size
        assert 0 < side["milliseconds"]["low"] <= side["milliseconds"]["high"]
        saved = pd.read_parquet(tmp_path / "E" / f"predictions_{letter}.parquet")
        assert list(saved["prediction"]) == list(level.predictions["prediction"])
    assert printed["latency"]["rounds"] == 2
    assert printed["images"] == sum(row["images"] for row in printed["classes"]) == 20
    assert json.loads(prunescope("summary", tmp_path / "E", "--json").out) == printed
    assert "right in A alone" in prunescope("summary", tmp_path / "E").out
    assert ps.load(tmp_path / "E").summary() == printed


def test_files_that_do_not_say_their_network_take_it_from_an_option(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    words = ["evaluate", weights, "random", "--data", drawn / "images", "--rounds", 0, "--json"]
    network = ["--network", NETWORK, "--num-classes", 10]
    ended = prunescope(*words, *network)
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed["agreement"] == 1.0  # both are drawn from seed 0
    assert printed["latency"] is None
    assert printed["b"]["bytes"] is None
    check_refused(prunescope(*words), f"A ({weights})", "give its name (--network)")
    told = f"B ({drawn})", "it is no network: give a file of weights or a level"
    check_refused(prunescope(*words[:2], drawn, *words[3:], *network), *told)


def test_options_of_one_network_and_of_two_are_told_apart(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    data = ["--data", drawn / "images"]
    pair = ["evaluate", weights, weights, *data]
    check_refused(prunescope(*pair, "--weights", weights), "--weights is for one network")
    single = ["evaluate", NETWORK, *data]
    check_refused(prunescope(*single, "--rounds", 3), "--rounds is for two networks")
    check_refused(prunescope(*single, "--network", NETWORK), "--network is for two networks")
    (tmp_path / "mine").touch()
    check_refused(prunescope(*pair, "--out", tmp_path), "not empty and not an evaluation")


def test_networks_of_other_classes_are_refused_by_side(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    torch.save(build(NETWORK, num_classes=7, seed=0).state_dict(), tmp_path / "seven.pth")
    words = ["evaluate", tmp_path / "seven.pth", "random", "--data", drawn / "images"]
    ended = prunescope(*words, "--network", NETWORK, "--num-classes", 7)
    check_refused(ended, f"A ({tmp_path / 'seven.pth'})", "7 outputs, but the data has 10 classes")


def test_multiply_adds_of_images_that_are_no_squares_are_known(tmp_path: Path) -> None:
    for name, colour in (("cat", "red"), ("dog", "blue")):
        (tmp_path / "val" / name).mkdir(parents=True)
        Image.new("RGB", (12, 8), colour).save(tmp_path / "val" / name / "1.png")
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    form = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "split": "val"}
    counts = ps.evaluate_pair(network, network, tmp_path, rounds=0, **form).summary()["a"]
    assert (counts["height"], counts["width"]) == (8, 12)
    assert counts["multiply_adds"] == 3 * 2 * 8 * 12


def test_python_takes_modules_and_leaves_them_as_they_were(drawn: Path) -> None:
    a, b = (build(NETWORK, num_classes=10, seed=seed).train() for seed in (0, 1))
    found = ps.evaluate_pair(a, b, drawn / "images", mean=(0.5,) * 3, std=(0.25,) * 3, rounds=0)
    assert found.summary()["a"]["name"] == "CifarResNet"
    assert found.summary()["a"]["bytes"] is None
    assert a.training
    assert b.training
    assert list(found.classes)[:2] == ["class", "images"]


def test_units_are_ablated_by_number_and_by_what_they_see(
    prunescope: Prunescope, finished: Path, pictures: Path
) -> None:
    level = finished / "replicate-0/level-00"
    words = ["ablate", level, "--layer", "layer3", "--data", pictures / "images", "--json"]
    ended = prunescope(*words, "--unit", 3, "--unit", 5, "--controls", 2, "--seed", 7)
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert (printed["network"], printed["units"]) == (str(level), [3, 5])
    assert (printed["controls"], printed["seed"], printed["images"]) == (2, 7, 20)
    units = ps.load(level).dissection["layer3"].units
    concept = units.loc[units["interpretable"], "concept"].iloc[0]
    seeing = units.loc[units["interpretable"] & (units["concept"] == concept), "unit"]
    by_concept = prunescope(
        *words, "--concept", concept, "--dissection", level / "dissection", "--controls", 0
    )
    assert json.loads(by_concept.out.splitlines()[-1])["units"] == seeing.tolist()
    check_refused(prunescope(*words), "name either units (--unit)")
    check_refused(prunescope(*words, "--concept", concept), "Give a dissection")
    check_refused(prunescope(*words, "--unit", 99), "has no unit 99: it has 16 units")


def test_an_ablation_is_saved_whole_and_shown_again(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    level = finished / "replicate-0/level-00"
    words = ["ablate", level, "--layer", "layer3", "--data", pictures / "images", "--unit", 3]
    words += ["--out", tmp_path / "F"]
    for controls in (2, 0):  # the second replaces the first
        ended = prunescope(*words, "--controls", controls, "--json")
        assert ended.status == 0, ended.err
        printed = json.loads(ended.out.splitlines()[-1])
        assert json.loads(prunescope("summary", tmp_path / "F", "--json").out) == printed
        found = ps.load(tmp_path / "F")
        assert found.summary() == printed
        assert (found.predictions["without"]["rank"] == 0).mean() == printed["without"]
    assert "without 1 unit (3) of layer3" in prunescope("summary", tmp_path / "F").out
    check_refused(prunescope("summary", tmp_path / "F", "--iou", 0.1), "leave out --iou")
    (tmp_path / "F" / "mine").touch()
    check_refused(prunescope(*words), "not empty and not an ablation (it holds mine)")


def test_a_comparison_evaluates_its_two_networks_too(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    levels = [finished / "replicate-0" / name for name in ("level-00", "lottery/level-01")]
    options = ["--rounds", 0, "--data", pictures / "images"]
    words = ["compare", *levels, "--layer", "layer3", *options, "--json"]
    ended = prunescope(*words, "--out", tmp_path / "C")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    alone = prunescope("evaluate", *levels, *options, "--json")
    assert printed["evaluation"] == json.loads(alone.out.splitlines()[-1])
    assert ps.load(tmp_path / "C" / "evaluation").summary() == printed["evaluation"]
    assert json.loads(prunescope("summary", tmp_path / "C", "--json").out) == printed
    assert "right in A alone" in prunescope("summary", tmp_path / "C").out
    again = prunescope("compare", *levels, "--layer", "layer3", "--out", tmp_path / "C", "--json")
    assert "evaluation" not in json.loads(again.out.splitlines()[-1])
    assert not (tmp_path / "C" / "evaluation").exists()


@pytest.mark.long
def test_networks_that_are_dissected_first_are_evaluated_by_the_same_settings(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    options = ["--network", NETWORK, "--num-classes", 10, "--arithmetic", "plain"]
    concepts = ["--concepts", f"broden:{drawn}", "--layer", "layer3", "--quantile", 0.02]
    data = ["--data", drawn / "images", "--data-split", "train", "--data-limit", 7, "--rounds", 0]
    words = ["compare", weights, weights, *options, *concepts, *data, "--out", tmp_path / "C"]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    evaluation = json.loads(ended.out.splitlines()[-1])["evaluation"]
    assert (evaluation["split"], evaluation["images"]) == ("train", 7)
    assert evaluation["agreement"] == 1.0
    names = {path.name for path in (tmp_path / "C").iterdir()}
    assert {"a", "b", "evaluation", "units.parquet"} <= names


def test_options_of_an_evaluation_need_images_and_networks(
    prunescope: Prunescope, finished: Path, pictures: Path, tmp_path: Path
) -> None:
    levels = [finished / "replicate-0" / name for name in ("level-00", "lottery/level-01")]
    check_refused(prunescope("compare", *levels, "--rounds", 3), "networks are evaluated: --data")
    data = ["--data", pictures / "images"]
    dissections = [level / "dissection" for level in levels]
    told = f"A ({dissections[0]})", "it is no network"
    check_refused(prunescope("compare", *dissections, *data, "--out", tmp_path / "C"), *told)
    told = f"A ({finished})", "it is a whole run: name one of its levels"
    check_refused(prunescope("compare", finished, finished, *data), *told)
    check_refused(prunescope("compare", *levels, *data, "--quantile", 0.1), "--quantile is for")
    assert not list(tmp_path.iterdir())
