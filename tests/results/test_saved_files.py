"""Is a saved dissection or comparison whose files are not its own any more read in silence?"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import prunescope as ps
from commands import Prunescope, check_refused
from layers import make_layer, save_run
from prunescope.base.errors import DataError
from prunescope.report.comparison import write_comparison
from prunescope.results.dissection import Dissection

LAYERS = ("layer2", "layer3")
Change = Callable[[Path, Path], object]


def _dissect(folder: Path, pixels: int) -> Path:
    layers = {
        name: make_layer(
            {"red": pixels}, {"cat": 200 + place}, {"dog": 90}, name=name, seconds=pixels
        )
        for place, name in enumerate(LAYERS)
    }
    Dissection(layers=layers).save(folder)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two dissections, D and other, and comparisons: C of these, CC of two runs."""
    root = tmp_path_factory.mktemp("sound")
    pair = _dissect(root / "D", 200), _dissect(root / "other", 300)
    layers = [ps.Dissection.load(folder)["layer3"] for folder in pair]
    runs = [
        save_run(root / name, {(0, "dense", 0): [layer], (0, "lottery", 1): [layer]})
        for name, layer in zip(("run-a", "run-b"), layers, strict=True)
    ]
    write_comparison(ps.compare(*pair), root / "C")
    write_comparison(ps.compare(*runs), root / "CC")
    return root


@pytest.fixture
def pair(sound: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two dissections of the same layers; the first is the one that a test spoils."""
    for name in ("D", "other"):
        shutil.copytree(sound / name, tmp_path / name)
    return tmp_path / "D", tmp_path / "other"


@pytest.fixture
def comparison(sound: Path, tmp_path: Path) -> Path:
    """A comparison of two dissections, which a test spoils."""
    return Path(shutil.copytree(sound / "C", tmp_path / "C"))


def _edit_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _edit_units(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def _copied(name: str) -> Change:
    return lambda own, other: shutil.copy(other / "layer3" / name, own / "layer3" / name)


def _swap(own: Path, _: Path) -> None:
    (own / "layer2").rename(own / "between")
    (own / "layer3").rename(own / "layer2")
    (own / "between").rename(own / "layer3")


def _units(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    return lambda own, _: _edit_units(own / "layer3/units.parquet", change)


def _summary(**values: Any) -> Change:
    return lambda own, _: _edit_json(own / "layer3/summary.json", **values)


FOREIGN: dict[str, Change] = {
    "units of another": _copied("units.parquet"),
    "a summary of another": _copied("summary.json"),
    "no summary": lambda own, _: (own / "layer3/summary.json").unlink(),
    "no settings": _summary(settings={}),
    "another number of interpretable units": _summary(interpretable=99),
    "inverted flags": _units(lambda units: units.assign(interpretable=~units["interpretable"])),
    "no concepts": _units(lambda units: units.assign(concept=None)),
    "another concept": _units(lambda units: units.assign(concept="banana")),
    "exchanged layers": _swap,
    "a layer that is not named": lambda own, other: shutil.copytree(
        other / "layer3", own / "layer4"
    ),
    "a list of no layers": lambda own, _: _edit_json(own / "layers.json", layers=[]),
    "a list of one layer": lambda own, _: _edit_json(own / "layers.json", layers=["layer3"]),
}


@pytest.mark.parametrize("spoil", FOREIGN.values(), ids=FOREIGN)
def test_a_dissection_with_files_that_are_not_its_own_is_refused(
    pair: tuple[Path, Path], spoil: Change, prunescope: Prunescope
) -> None:
    spoil(*pair)
    for words in (("summary", pair[0]), ("compare", *pair), ("compare", *reversed(pair))):
        check_refused(prunescope(*words), str(pair[0]))
    with pytest.raises(DataError, match=pair[0].name):
        ps.load(pair[0])


def _judged(**chance: int) -> dict[str, Any]:
    counts = {"discoveries": 1, "undecided": 1, "concepts": 1}
    said = {"rate": 0.05, "smallest_draws": 19, "advised_draws": 40}
    return {"draws": 19, "expected_false": 1.5, **said, **counts, **chance}


@pytest.mark.parametrize("chance", [None, _judged(undecided=0), _judged(discoveries=2)])
def test_a_summary_that_does_not_know_the_draws_of_its_units_is_refused(
    tmp_path: Path, chance: dict[str, Any] | None, prunescope: Prunescope
) -> None:
    layer = make_layer({"red": 200}, {"cat": 200}, {}, chance=_judged())
    flags = {"p": 0.5, "discovery": [True, False, False], "undecided": [False, True, False]}
    replace(layer, units=layer.units.assign(**flags)).save(tmp_path / "layer4")
    assert prunescope("summary", tmp_path / "layer4").status == 0
    _edit_json(tmp_path / "layer4/summary.json", chance=chance)
    check_refused(prunescope("summary", tmp_path / "layer4"), "not of one dissection")


# what only a record tells apart
BELIEVED = ("units of another", "a summary of another", "no settings")


@pytest.mark.parametrize("name", [name for name in FOREIGN if name not in BELIEVED])
def test_without_a_record_the_files_of_a_layer_are_compared_with_each_other(
    pair: tuple[Path, Path], name: str, prunescope: Prunescope
) -> None:
    (pair[0] / "layers.json").write_text(json.dumps({"layers": list(LAYERS)}))
    FOREIGN[name](*pair)
    for words in (("summary", pair[0]), ("compare", *pair)):
        check_refused(prunescope(*words), str(pair[0]))
    with pytest.raises(DataError, match=pair[0].name):
        ps.load(pair[0])


@pytest.mark.parametrize("name", ["overlap.safetensors", "units.parquet"])
def test_counts_of_another_dissection_are_refused_where_they_are_read(
    pair: tuple[Path, Path], name: str, prunescope: Prunescope, tmp_path: Path
) -> None:
    _copied(name)(*pair)
    layer = pair[0] / "layer3"
    check_refused(prunescope("compare", *pair, "--match", "profile"), name, "checksum")
    check_refused(prunescope("export", layer, "--out", tmp_path / "x.csv"), name, "checksum")


def test_one_layer_by_itself_is_compared_with_its_record(
    pair: tuple[Path, Path], prunescope: Prunescope
) -> None:
    _copied("units.parquet")(*pair)
    check_refused(prunescope("summary", pair[0] / "layer3"), "units.parquet", "layers.json")
    assert prunescope("summary", pair[0] / "layer2").status == 0


def test_a_dissection_of_one_layer_has_a_record_too(tmp_path: Path, prunescope: Prunescope) -> None:
    for name, pixels in (("D", 200), ("other", 300)):
        layer = make_layer({"red": pixels}, name="layer3")
        Dissection(layers={"layer3": layer}).save(tmp_path / name)
    _copied("units.parquet")(tmp_path / "D", tmp_path / "other")
    check_refused(prunescope("summary", tmp_path / "D"), "units.parquet", "checksum")


def test_a_layer_saved_again_among_others_is_recorded_anew(pair: tuple[Path, Path]) -> None:
    changed = make_layer({"dog": 400}, name="layer3")
    changed.save(pair[0] / "layer3")
    make_layer({"dog": 400}, name="layer4").save(pair[0] / "layer4")
    loaded = ps.load(pair[0])
    assert list(loaded.layers) == [*LAYERS, "layer4"]
    assert loaded["layer3"].units.equals(changed.units)


def test_a_dissection_of_an_earlier_version_is_read_without_a_record(
    pair: tuple[Path, Path], prunescope: Prunescope
) -> None:
    (pair[0] / "layers.json").write_text(json.dumps({"layers": list(LAYERS)}))
    assert prunescope("summary", pair[0]).status == 0
    changed = make_layer({"dog": 400}, name="layer3")
    changed.save(pair[0] / "layer3")
    assert ps.load(pair[0])["layer3"].units.equals(changed.units)
    (pair[0] / "layers.json").unlink()
    assert prunescope("summary", pair[0]).status == 0


@pytest.mark.parametrize("content", ['{"layers": ["layer2", "layer3"], "files": 3}', "[" * 10**5])
def test_a_damaged_record_is_refused(
    pair: tuple[Path, Path], content: str, prunescope: Prunescope
) -> None:
    (pair[0] / "layers.json").write_text(content)
    check_refused(prunescope("summary", pair[0]), "layers.json")
    check_refused(prunescope("summary", pair[0] / "layer3"), "layers.json")


@pytest.fixture(params=["recorded", "without a record"])
def compared(request: pytest.FixtureRequest, sound: Path, tmp_path: Path) -> dict[str, Path]:
    """Comparisons of two dissections, C, and of two runs, CC; the latter with two levels."""
    found = {name: shutil.copytree(sound / name, tmp_path / name) for name in ("C", "CC")}
    for folder in found.values():
        if request.param != "recorded":
            (folder / "checksums.json").unlink()
    return found


def _without_last_row(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def _replaced(path: Path, former: str, new: str) -> None:
    text = path.read_text()
    assert former in text
    path.write_text(text.replace(former, new))


def _without_a_layer(path: Path) -> None:
    values = json.loads(path.read_text())
    del values["layers"]["layer2"]
    path.write_text(json.dumps(values))


SPOILT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no layers": ("C/summary.json", lambda path: _edit_json(path, layers={})),
    "a layer less": ("C/summary.json", _without_a_layer),
    "another IoU": ("C/summary.json", lambda path: _edit_json(path, iou=0.2)),
    "another IoU of runs": ("CC/summary.json", lambda path: _edit_json(path, iou=0.2)),
    "no levels": ("CC/summary.json", lambda path: _edit_json(path, levels=[])),
    "a level less": ("CC/levels.csv", _without_last_row),
    "another accuracy": ("CC/levels.csv", lambda path: _replaced(path, ",0.9,", ",0.8,")),
    "another layer": ("CC/levels.csv", lambda path: _replaced(path, "layer3", "layer2")),
}


@pytest.mark.long
@pytest.mark.parametrize(("name", "spoil"), SPOILT.values(), ids=SPOILT)
def test_a_comparison_whose_files_contradict_each_other_is_refused(
    compared: dict[str, Path],
    name: str,
    spoil: Callable[[Path], object],
    prunescope: Prunescope,
) -> None:
    folder = compared[name.partition("/")[0]]
    assert prunescope("summary", folder).status == 0
    spoil(folder.parent / name)
    check_refused(prunescope("summary", folder), str(folder), "damaged")
    with pytest.raises(DataError, match=folder.name):
        ps.load(folder)


@pytest.mark.parametrize("lost", ["concepts.csv", "summary.json", "units.parquet", "levels.csv"])
def test_a_comparison_that_lost_a_file_says_which(
    compared: dict[str, Path], lost: str, prunescope: Prunescope
) -> None:
    path = compared["CC"] / lost
    path.unlink()
    ended = prunescope("summary", path.parent)
    check_refused(ended, str(path))
    assert "damaged" not in ended.err
    with pytest.raises(DataError, match=lost):
        ps.load(path.parent)


def test_what_contradicts_nothing_in_a_comparison_is_known_by_its_record(
    comparison: Path, prunescope: Prunescope
) -> None:
    path = comparison / "units.parquet"
    _edit_units(path, lambda units: units.assign(concept_a="banana", concept_b="banana"))
    check_refused(prunescope("summary", path.parent), "units.parquet", "checksums.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [("[" * 10**5, "nested too deeply"), ('{"units": ' + "9" * 10**4 + "}", "too many digits")],
    ids=["nested", "digits"],
)
def test_a_summary_beyond_what_python_reads_is_said_plainly(
    pair: tuple[Path, Path], comparison: Path, text: str, words: str, prunescope: Prunescope
) -> None:
    for path in (pair[0] / "layer3/summary.json", comparison / "summary.json"):
        (path.parent / "checksums.json").unlink(missing_ok=True)
        (path.parents[1] / "layers.json").unlink(missing_ok=True)
        path.write_text(text)
        ended = prunescope("summary", path.parent)
        check_refused(ended, "summary.json", words)
        assert "sys." not in ended.err
