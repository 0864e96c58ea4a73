"""Does a name with characters that act on a terminal ever reach one, a page or a CSV raw?"""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

import prunescope as ps
from commands import Prunescope
from concepts.worlds import MASKS, write_folder
from layers import make_layer
from prunescope.results.cells import csv_bytes
from prunescope.results.dissection import Dissection

ACTING = "a\x1b[2Jb\x07\x9bc\u202ed\u2066e\u2028f"
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    "words",
    [
        (f"--{ACTING}",),
        (ACTING,),
        ("summary", ACTING),
        ("summary", "D", "--iou", ACTING),
        ("compare", "D", "D", "--match", ACTING),
        ("compare", "D", "D", "--layer", ACTING),
        ("export", "D", "--out", f"x{ACTING}/y/z.csv"),
        ("export", "D", "--format", ACTING),
        ("audit", ACTING),
        ("run", ACTING),
        ("run", "demo", "--set", f"name={ACTING}"),
        ("run", "demo", "--set", f"{ACTING}=1"),
        ("evaluate", ACTING, "--data", "scenes"),
        ("evaluate", "cifar_resnet20", "--num-classes", "10", "--data", ACTING),
        ("dissect", "cifar_resnet20", "--concepts", ACTING),
        ("concepts", "check", f"masks:{ACTING}"),
        ("concepts", "download", ACTING, "--out", "E"),
        ("concepts", "download", "broden", "--out", "E", "--from", ACTING),
    ],
    ids=str,
)
def test_no_message_echoes_a_character_that_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], prunescope: Prunescope
) -> None:
    monkeypatch.chdir(tmp_path)
    Dissection(layers={"layer4": make_layer({"red": 200})}).save("D")
    ended = prunescope(*words)
    assert ended.status == (0 if words[0] == "export" and words[-1].endswith(".csv") else 2)
    assert not _RAW.search(ended.out + ended.err)


@pytest.mark.long
def test_concepts_with_such_names_are_written_as_escapes_and_read_back(
    tmp_path: Path, prunescope: Prunescope
) -> None:
    layer = make_layer({"red": 200}, {"cat": 200})
    named = layer.units.assign(
        concept=[ACTING, "=1+1"], color_label=[ACTING, pd.NA], object_label=[pd.NA, "=1+1"]
    )
    other = type(layer)(**(vars(layer) | {"units": named}))
    Dissection(layers={"layer4": other}).save(tmp_path / "D")
    texts = [(tmp_path / "D/layer4/units.csv").read_text()]
    for words in (
        ("compare", tmp_path / "D", tmp_path / "D", "--out", tmp_path / "C"),
        ("export", tmp_path / "D", "--out", tmp_path / "x.csv"),
    ):
        ended = prunescope(*words)
        assert ended.status == 0, ended.err
        texts += [ended.out, ended.err]
    texts += [path.read_text() for path in tmp_path.rglob("*.csv")]
    texts += [path.read_text() for path in (tmp_path / "C").glob("*.svg")]
    assert len(texts) > 6
    assert not any(_RAW.search(text) for text in texts)
    assert all(r"\x1b" in text for text in texts[:1])
    assert ps.load(tmp_path / "x.csv")["concept"].tolist() == [ACTING, "=1+1"]
    compared = ps.load(tmp_path / "C")
    assert set(compared.concepts["concept"]) == {ACTING, "=1+1"}
    assert not _RAW.search(compared._repr_html_())


def test_a_preview_shows_such_names_as_escapes(tmp_path: Path, prunescope: Prunescope) -> None:
    mine = write_folder(tmp_path / "mine", MASKS)
    for folder in ("train/a", "val/c"):
        shutil.move(
            mine / "masks" / folder / "car.png", mine / "masks" / folder / "ca\x1b[2Jr\u202e.png"
        )
    names = mine / "names.csv"
    names.write_text(names.read_text().replace("car,7", "ca\x1b[2Jr\u202e,7"))
    ended = prunescope("concepts", "preview", f"masks:{mine}", "--out", tmp_path / "P")
    assert ended.status == 0, ended.err
    page = (tmp_path / "P" / "index.html").read_text()
    assert r"ca\x1b[2Jr\u202e" in page
    assert not _RAW.search(page + ended.out + ended.err)


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "a\u202eb", "é" * 101])
def test_a_study_has_a_name_that_a_folder_can_have(
    tmp_path: Path, name: str, prunescope: Prunescope
) -> None:
    recipe = yaml.safe_load((Path(ps.__file__).parent / "recipes/demo.yaml").read_text())
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe | {"name": name}))
    ended = prunescope("run", tmp_path / "r.yaml", "--dry-run")
    assert ended.status == 2
    assert "names no folder" in ended.err
    assert not _RAW.search(ended.err)


def test_a_csv_of_another_tool_keeps_its_backslashes() -> None:
    table = pd.DataFrame({"a": ["C:\\data", "50 %"]})
    assert csv_bytes(table) == b"a\nC:\\data\n50 %\n"
