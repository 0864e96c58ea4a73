"""Is one network measured and dissected as the commands say, and what they cannot do refused?"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

import prunescope as ps
from commands import Prunescope, check_refused
from prunescope.networks.registry import build


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """A concept set that a test may spoil."""
    return Path(shutil.copytree(drawn, tmp_path / "pictures"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.save(build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict(), path)
    return path


def _dissect(weights: Path, pictures: Path) -> list[object]:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    return ["dissect", *network, "--layer", "layer3", "--concepts", f"broden:{pictures}"]


@pytest.mark.long
def test_dissect_saves_and_says_the_same(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "D"
    words = [*_dissect(weights, drawn), "--layer", "layer2", "--quantile", 0.02, "--out", out]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert set(printed["layers"]) == {"layer2", "layer3"}
    assert printed["layers"]["layer3"]["units"] == 16
    for layer in ("layer2", "layer3"):
        units = pd.read_parquet(out / layer / "units.parquet")
        assert int(units["interpretable"].sum()) == printed["layers"][layer]["interpretable"]
    assert printed.pop("passes") == {"layer2": 1, "layer3": 1}
    summary = prunescope("summary", out, "--json", "--draws", 0)
    assert json.loads(summary.out) == printed


@pytest.mark.long
def test_above_which_iou_units_are_counted_is_said(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--out", tmp_path / "D"]
    assert "units are interpretable (IoU > 0.05), of" in prunescope(*words, "--channels-last").out
    assert "(IoU > 0.05)" in prunescope("summary", tmp_path / "D").out
    assert "(IoU > 0.1)" in prunescope("summary", tmp_path / "D", "--iou", 0.1).out
    summary = json.loads((tmp_path / "D" / "layer3" / "summary.json").read_text())
    assert summary["settings"]["channels_last"] is True
    table = tmp_path / "layer3.csv"
    prunescope("export", tmp_path / "D" / "layer3", "--out", table)
    assert "layer3: " in (said := prunescope("summary", table).out)
    assert "(IoU > 0.05)" in said
    assert json.loads(prunescope("summary", table, "--iou", 0.2, "--json").out)["iou"] == 0.2


@pytest.mark.long
def test_options_of_dissections_reach_every_command_that_dissects(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    options = ["--quantile", 0.02, "--arithmetic", "plain", "--channels-last"]
    options += ["--basis", "random-rotation", "--basis-seed", 3, "--quantiles", "0.05,0.1"]
    rest = [*_dissect(weights, drawn)[1:], *options]
    two = ["--convention", "exact", "--convention", "quick"]
    assert prunescope("conventions", *rest, *two, "--out", tmp_path / "C").status == 0
    pair = ["compare", weights, weights, "--network", *rest[:1], *rest[3:]]
    assert prunescope(*pair, "--out", tmp_path / "D").status == 0
    saved = [json.loads(path.read_text()) for path in tmp_path.glob("*/*/layer3/summary.json")]
    assert [own["settings"]["channels_last"] for own in saved] == [True] * 4
    assert [own["settings"]["arithmetic"] for own in saved] == ["plain"] * 4
    assert [own["settings"]["quantiles"] for own in saved] == [[0.05, 0.1]] * 4
    assert [own["basis"]["seed"] for own in saved] == [3] * 4


@pytest.mark.long
def test_another_dissection_in_the_same_place_replaces_it_as_a_whole(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--out", tmp_path / "D"]
    prunescope(*words, "--layer", "layer2")
    assert prunescope(*words, "--convention", "exact").status == 0
    assert list(json.loads(prunescope("summary", tmp_path / "D", "--json").out)["layers"]) == [
        "layer3"
    ]
    summary = json.loads((tmp_path / "D" / "layer3" / "summary.json").read_text())
    assert summary["convention"] == "exact"
    assert summary["concept_set"]["name"] == f"broden:{drawn.name}"


@pytest.mark.long
def test_one_layer_has_its_counts_at_the_top(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    ended = prunescope(*_dissect(weights, drawn), "--quantile", 0.02, "--json")
    printed = json.loads(ended.out)
    assert printed["units"] == 16
    assert printed["layers"]["layer3"]["by_category"] == printed["by_category"]


@pytest.mark.long
def test_categories_limit_the_concepts_alone(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02]
    prunescope(*words, "--out", tmp_path / "all")
    few = prunescope(*words, "--out", tmp_path / "few", "--categories", "color, object ")
    assert few.status == 0, few.err
    both, limited = (
        pd.read_parquet(tmp_path / name / "layer3" / "units.parquet") for name in ("all", "few")
    )
    assert (both["threshold"] == limited["threshold"]).all()
    pd.testing.assert_series_equal(both["color_iou"], limited["color_iou"])
    assert set(limited["category"].dropna()) <= {"color", "object"}


@pytest.mark.long
def test_evaluate_cuts_the_centre_where_it_is_told_what_to_resize_to(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    plain = ["evaluate", *network, "--data", drawn / "images", "--json"]
    words = [*plain, "--resolution", 24]
    squashed, cut = (
        json.loads(prunescope(*words, *option).out) for option in ([], ["--resize", 30])
    )
    assert squashed["images"] == cut["images"] == 20
    assert squashed["loss"] != cut["loss"]
    check_refused(prunescope(*words, "--resize", 20), "centre crop is 24", "shorter side, 20")
    check_refused(prunescope(*plain, "--resize", 20), "of no stated size")


def test_an_evaluation_is_saved_whole_and_shown_again(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    words = ["evaluate", *network, "--data", drawn / "images", "--out", tmp_path / "E"]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    shown = json.loads(prunescope("summary", tmp_path / "E", "--json").out)
    assert shown == printed | {
        **{"network": network[0], "weights": str(weights), "data": str(drawn / "images")},
        "split": "val",
    }
    assert f"top-1    {100 * printed['top1']:.2f} %" in prunescope("summary", tmp_path / "E").out
    check_refused(prunescope("summary", tmp_path / "E", "--iou", 0.1), "leave out --iou")
    found = ps.load(tmp_path / "E")
    assert found.as_dict() == {name: printed[name] for name in found.as_dict()}
    assert len(found.predictions) == 20
    (tmp_path / "E" / "mine").touch()
    check_refused(prunescope(*words), "not empty and not an evaluation (it holds mine)")


@pytest.mark.long
def test_a_null_says_what_is_due_to_chance_and_what_is_undecided(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--limit", 20, "--null", 2]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    chance = printed["chance"]
    assert chance == printed["layers"]["layer3"]["chance"]
    assert chance["draws"] == 2
    assert chance["discoveries"] == 0
    assert chance["undecided"] == printed["interpretable"] > 0
    assert chance["smallest_draws"] >= 19
    line = prunescope(*words).out.splitlines()[1]
    assert "by chance: " in line
    assert line.endswith(
        f"5 %: {chance['undecided']} units undecided; take --null auto, "
        f"or about {chance['advised_draws']:,} draws"
    )
    assert prunescope(*words[:-1], -1).status == 2


@pytest.mark.long
def test_a_few_images_without_draws_are_said_to_be_mostly_chance(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--limit", 20]
    assert "on 20 images much of what is found is due to chance: --null" in prunescope(*words).err
    assert "due to chance" not in prunescope(*words, "--null", 2).err


@pytest.mark.long
def test_a_saved_dissection_takes_more_draws_as_if_all_were_made_at_once(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--layer", "layer2", "--quantile", 0.02, "--limit", 20]
    once, twice, decided = (tmp_path / name for name in ("once", "twice", "decided"))
    for out, draws in ((once, 7), (twice, 3), (decided, "auto")):
        assert prunescope(*words, "--null", draws, "--out", out).status == 0
    more = ["--concepts", f"broden:{drawn}", "--limit", 20]
    ended = prunescope("chance", twice, *more, "--null", 7, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out.splitlines()[-1])["layers"]["layer2"]["chance"]["draws"] == 7
    assert contents(twice) == contents(once)

    ended = prunescope("chance", twice, *more)
    assert ended.status == 0, ended.err
    assert ended.out.endswith(f"Saved in {twice}\n")
    for layer in ("layer2", "layer3"):
        for name in ("units.parquet", "units.csv", "summary.json"):
            path = Path(layer) / name
            assert (twice / path).read_bytes() == (decided / path).read_bytes(), path
    assert json.loads((twice / "layer3" / "summary.json").read_text())["settings"]["null"] == "auto"


@pytest.mark.long
def test_fewer_draws_than_were_made_are_refused_and_change_nothing(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--limit", 20]
    assert prunescope(*words, "--null", 7, "--out", tmp_path / "D").status == 0
    before = contents(tmp_path / "D")
    more = ["chance", tmp_path / "D", "--concepts", f"broden:{drawn}", "--limit", 20, "--null"]
    check_refused(prunescope(*more, 3), "layer3 has 7 draws already", "auto")
    assert contents(tmp_path / "D") == before
    assert prunescope(*more, 7).status == 0
    assert contents(tmp_path / "D") == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "recorded"),
    [("masks.parquet", True), ("draws.safetensors", True), ("masks.parquet", False)],
)
def test_draws_do_not_begin_with_the_files_of_another_dissection(
    prunescope: Prunescope,
    weights: Path,
    drawn: Path,
    tmp_path: Path,
    name: str,
    recorded: bool,
) -> None:
    for out, quantile in (("D", 0.02), ("other", 0.04)):
        words = [*_dissect(weights, drawn), "--quantile", quantile, "--limit", 20, "--null", 2]
        assert prunescope(*words, "--out", tmp_path / out).status == 0
    if not recorded:
        (tmp_path / "D/layers.json").unlink()
    shutil.copy(tmp_path / "other/layer3" / name, tmp_path / "D/layer3" / name)
    before = contents(tmp_path / "D")
    more = ["--concepts", f"broden:{drawn}", "--limit", 20, "--null", 3]
    ended = prunescope("chance", tmp_path / "D", *more)
    check_refused(ended, name, "checksum" if recorded else "its masks are not those")
    assert contents(tmp_path / "D") == before


@pytest.mark.long
def test_more_draws_want_the_set_that_was_dissected_and_change_nothing_without(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02, "--limit", 20]
    out = tmp_path / "D"
    assert prunescope(*words, "--null", 2, "--out", out).status == 0
    before = contents(out)
    for other in (["--limit", 19], []):
        ended = prunescope("chance", out, "--concepts", f"broden:{drawn}", *other)
        check_refused(ended, "not what layer3 was dissected on", "--limit")
    (out / "layer3" / "draws.safetensors").write_bytes(b"x" * 100)
    ended = prunescope("chance", out, "--concepts", f"broden:{drawn}", "--limit", 20)
    check_refused(ended, "draws.safetensors")
    (out / "layer3" / "draws.safetensors").write_bytes(before["layer3/draws.safetensors"])
    assert contents(out) == before


@pytest.mark.long
def test_random_weights_are_an_untrained_network_and_are_not_warned_of(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--num-classes", 10]
    how = ["--layer", "layer3", "--concepts", f"broden:{drawn}", "--quantile", 0.02]
    for name, weights in (("said", ["--weights", "random"]), ("unsaid", [])):
        ended = prunescope("dissect", *network, *weights, *how, "--out", tmp_path / name)
        assert ended.status == 0, ended.err
        assert ("has random weights" in ended.err) == (name == "unsaid")
    assert contents(tmp_path / "said") == contents(tmp_path / "unsaid")
    by_name = ["--network", network[0], *network[1:]]
    ended = prunescope("compare", "random", tmp_path / "said", *by_name, *how, "--json")
    assert ended.status == 0, ended.err
    ended = prunescope("evaluate", *network, "--weights", "random", "--data", drawn / "images")
    assert ended.status == 0, ended.err


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_evaluate_prints_shares_and_the_split_they_are_of(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    words = ["evaluate", *network, "--data", drawn / "images"]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed["images"] == 20
    assert printed["split"] == "val"  # a test split is wanted by default, and there is none
    assert 0 <= printed["top1"] <= printed["top5"] <= 1
    assert len(printed["per_class"]) == 10
    assert prunescope(*words).out.splitlines()[:2] == ["split    val", "20 images"]


def test_evaluate_takes_the_classes_and_the_number_of_images_it_is_told(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    words = ["evaluate", *network, "--data", drawn / "images", "--json"]
    names = sorted(folder.name for folder in (drawn / "images" / "val").iterdir())
    listed = tmp_path / "names.txt"
    listed.write_text("\n".join(reversed(names)))
    ended = prunescope(*words, "--classes", listed)
    assert ended.status == 0, ended.err
    assert list(json.loads(ended.out.splitlines()[-1])["per_class"]) == names[::-1]
    few = prunescope(*words, "--limit", 3)
    assert json.loads(few.out.splitlines()[-1])["images"] == 3
    assert "has no image of 8 of the 10 classes" in few.err


def test_random_weights_are_warned_of(prunescope: Prunescope, drawn: Path) -> None:
    words = ["cifar_resnet20", "--num-classes", 10, "--data", drawn / "images"]
    assert "random weights" in prunescope("evaluate", *words).err


# --- what is refused ---------------------------------------------------------------------------


def _first_row(pictures: Path) -> tuple[pd.DataFrame, Path]:
    path = pictures / "index.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False), path


def _rewrite(pictures: Path, column: str, value: str) -> None:
    rows, path = _first_row(pictures)
    rows.loc[0, column] = value
    rows.to_csv(path, index=False, lineterminator="\r\n")


def _image_of(pictures: Path) -> Path:
    return pictures / "images" / _first_row(pictures)[0].loc[0, "image"]


def _map_of(pictures: Path) -> Path:
    cell = _first_row(pictures)[0].loc[0, "color"]
    return pictures / "images" / cell.split(";")[0]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


SPOILED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no index": (lambda p: (p / "index.csv").unlink(), ["index.csv"]),
    "no labels": (lambda p: (p / "label.csv").unlink(), ["label.csv"]),
    "a CSV that is not text": (
        lambda p: (p / "label.csv").write_bytes(b"\xff\xfe\x00\x01"),
        ["label.csv"],
    ),
    "no image": (lambda p: _image_of(p).unlink(), [".png"]),
    "a truncated image": (lambda p: _cut(_image_of(p)), [".png"]),
    "an image of another size": (
        lambda p: Image.new("RGB", (31, 32)).save(_image_of(p)),
        [".png", "31"],
    ),
    "no label map": (lambda p: _map_of(p).unlink(), [".png"]),
    "a truncated label map": (lambda p: _cut(_map_of(p)), [".png"]),
    "a label map of another size": (
        lambda p: Image.new("RGB", (15, 16)).save(_map_of(p)),
        [".png", "15"],
    ),
    "a label without a row": (
        lambda p: Image.new("RGB", (16, 16), (0, 250, 0)).save(_map_of(p)),
        ["64000", "label.csv"],
    ),
    "a whole-image label without a row": (
        lambda p: _rewrite(p, "scene", "9999"),
        ["9999", "label.csv"],
    ),
    "a path that leaves the folder": (
        lambda p: _rewrite(p, "color", "../../secret.png"),
        ["../../secret.png"],
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_concept_set_is_refused_and_nothing_written(
    prunescope: Prunescope, weights: Path, pictures: Path, tmp_path: Path, name: str
) -> None:
    spoil, words = SPOILED[name]
    spoil(pictures)
    out = tmp_path / "D"
    check_refused(
        prunescope(*_dissect(weights, pictures), "--quantile", 0.02, "--out", out), *words
    )
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layer", "layre3"], ["layre3", "layer3"]),
        (["--layer", "linear"], ["linear", "map"]),
        (["--resolution", "2"], ["one cell", "resolution"]),
        (["--quantile", "0"], ["quantile"]),
        (["--quantile", "0.0000001"], ["quantile", "cells"]),
        (["--iou", "1.5"], ["iou"]),
        (["--convention", "light"], ["convention", "lite"]),
        (["--precision", "float16"], ["precision", "float32"]),
        (["--categories", "objects"], ["objects", "object"]),
        (["--split", "vall"], ["vall", "val"]),
        (["--mean", "1,2"], ["--mean", "1,2"]),
        (["--std", "1,0,1"], ["std"]),
    ],
)
def test_wrong_options_of_dissect_are_refused(
    prunescope: Prunescope,
    weights: Path,
    drawn: Path,
    tmp_path: Path,
    words: list[str],
    said: list[str],
) -> None:
    ended = prunescope(*_dissect(weights, drawn), *words, "--out", tmp_path / "D")
    check_refused(ended, *said)
    assert not (tmp_path / "D").exists()


def test_weights_that_do_not_fit_are_refused_by_their_keys(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 7]
    ended = prunescope("evaluate", *network, "--data", drawn / "images")
    check_refused(ended, "linear.weight", "--num-classes 10")
    wider = ["cifar_resnet20", "--weights", weights, "--num-classes", 10]
    check_refused(prunescope("evaluate", *wider, "--data", drawn / "images"), "conv1.weight")


def test_a_pickled_network_is_refused(prunescope: Prunescope, drawn: Path, tmp_path: Path) -> None:
    torch.save(build("cifar_resnet20", num_classes=10, seed=0), tmp_path / "model.pth")
    network = ["cifar_resnet20", "--weights", tmp_path / "model.pth", "--num-classes", 10]
    check_refused(prunescope("evaluate", *network, "--data", drawn / "images"), "model.pth")


def test_dissect_into_a_folder_with_other_things_is_refused(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    ended = prunescope(*_dissect(weights, drawn), "--out", tmp_path)
    check_refused(ended, "letter.txt", "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("out", ["letter.txt", "letter.txt/D", "new/" + "x" * 300])
def test_dissect_into_a_place_that_cannot_be_is_refused_before_the_concepts_are_read(
    prunescope: Prunescope, weights: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    ended = prunescope(*_dissect(weights, tmp_path / "no such set"), "--out", tmp_path / out)
    check_refused(ended, out, "--out")
    assert "no such set" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_device_that_is_not_there_is_refused(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    check_refused(prunescope(*_dissect(weights, drawn), "--device", "foo"), 'device is "foo"')
    words = ["cifar_resnet20", "--num-classes", 10, "--data", drawn / "images", "--device", "foo"]
    check_refused(prunescope("evaluate", *words), 'device is "foo"')


@pytest.mark.long
def test_a_network_that_asserts_on_the_size_of_its_images_is_refused(
    prunescope: Prunescope, drawn: Path
) -> None:
    network = ["torchvision:vit_b_16", "--num-classes", 10]
    words = ["--data", drawn / "images", "--batch-size", 1]
    check_refused(prunescope("evaluate", *network, *words), "VisionTransformer", "1 x 3 x 32 x 32")
    words = ["--layer", "conv_proj", "--concepts", f"broden:{drawn}", "--resolution", 32]
    check_refused(prunescope("dissect", *network, *words), "VisionTransformer", "x 3 x 32 x 32")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "demo"], "goes on from what is finished"),
        (["concepts", "download", "broden"], "goes on from what is finished"),
        (["dissect", "cifar_resnet20"], "begins again; nothing is half-written"),
        (["concepts", "check", "scenes"], "begins again"),
    ],
)
def test_a_stopped_command_says_whether_it_goes_on(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from prunescope.cli.stopping import say_stopped

    monkeypatch.setattr(sys, "argv", ["prunescope", *words])
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    say_stopped()
    assert said in capfd.readouterr().err.splitlines()[-1]
