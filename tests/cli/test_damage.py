"""Is a damaged file refused in a line, whatever it is of and however it is damaged?"""

import json
import random
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import prunescope as ps
from cli.damages import damages
from cli.world import LEVEL, NETWORK
from commands import Ended, Prunescope, check_refused
from layers import make_layer, save_run
from predicted import said
from prunescope.base.errors import InputError
from prunescope.base.text import printable
from prunescope.concepts.download import download_broden
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.single import dissect_network
from prunescope.networks.loading import load_network
from prunescope.report.comparison import write_comparison
from prunescope.results.artifacts import Artifact
from prunescope.results.evaluation import Evaluation
from prunescope.results.provenance import Provenance

_FEW, _MANY = 1, 60  # damages of each file, of up to thousands
_LONGEST = 1_500
_SOUND = "--concepts broden:set --quantile 0.02 --layer layer3"
_LOADED = f"{NETWORK} --num-classes 10"
_RUN = "tables/replicate-0/lottery/level-01"
_OTHER = "tables/replicate-0/level-00"
_MORE = "chance D --concepts broden:set --null 3"

READ_BY = {
    "run/study.yaml": ("status run", "audit run", f"audit {LEVEL}"),
    "run/provenance.json": ("status run",),
    "run/replicate-0/level-00/manifest.json": ("status run", "audit run"),
    f"{LEVEL}/weights.safetensors": (
        f"audit {LEVEL}",
        f"evaluate {LEVEL} --data set/images --split val",
        f"dissect {LEVEL} --list-layers",
        f"prune {LEVEL} --keep 0.5 --out q.safetensors",
    ),
    f"{LEVEL}/mask.safetensors": (f"audit {LEVEL}", "audit run"),
    "tables/study.yaml": ("summary tables", "compare tables tables", f"summary {_RUN}"),
    "tables/tables/levels.csv": ("summary tables", "compare tables tables", "load tables"),
    "tables/tables/units.parquet": ("summary tables --iou 0.04", "compare tables tables"),
    f"{_RUN}/metrics.json": (f"compare {_OTHER} {_RUN}", f"load {_RUN}"),
    f"{_RUN}/dissection/layer4/summary.json": (f"summary {_RUN}", f"compare {_OTHER} {_RUN}"),
    f"{_RUN}/dissection/layer4/units.parquet": (
        f"summary {_RUN}",
        f"compare {_OTHER} {_RUN}",
        f"export {_RUN} --out e.csv",
    ),
    f"{_RUN}/dissection/layer4/overlap.safetensors": (
        f"compare {_OTHER} {_RUN} --match profile",
        f"export {_RUN} --out e.csv",
    ),
    "D/layers.json": ("summary D", "load D"),
    "D/layer3/summary.json": ("summary D", "summary D --iou 0.1", _MORE, "load D"),
    "D/layer3/units.parquet": (_MORE, "load D"),
    "D/layer3/overlap.safetensors": (_MORE, "load D"),
    "D/layer3/masks.parquet": (_MORE,),
    "D/layer3/draws.safetensors": (_MORE,),
    "D/layer3/formulas.parquet": ("summary D", "unit D 0 --layer layer3", "load D"),
    "D/layer3/examples.parquet": ("load D",),
    "D/layer3/borderline.parquet": ("load D",),
    "D/layer3/peaks.parquet": ("load D",),
    "D/layer3/images.parquet": ("load D", "summary D", "compare D D"),
    "C/summary.json": ("summary C", "load C"),
    "C/units.parquet": ("summary C", "load C"),
    "C/concepts.csv": ("summary C", "load C"),
    "CC/summary.json": ("summary CC", "load CC"),
    "CC/levels.csv": ("summary CC", "load CC"),
    "E/evaluation.json": ("summary E", "load E"),
    "E/predictions.parquet": ("summary E", "load E"),
    "recorded/D/layers.json": (
        "summary recorded/D",
        "load recorded/D",
        "summary recorded/D/layer3",
    ),
    "recorded/D/layer3/summary.json": ("summary recorded/D", "load recorded/D"),
    "recorded/C/checksums.json": ("summary recorded/C", "load recorded/C"),
    "recorded/C/concepts.csv": ("summary recorded/C", "load recorded/C"),
    "table.csv": ("summary table.csv", "compare table.csv table.csv"),
    "dense.pth": (f"audit dense.pth --network {_LOADED}",),
    "p.safetensors": ("audit p.safetensors", "prune p.safetensors --keep 0.4 --out q.safetensors"),
    "p.mask.safetensors": ("audit p.safetensors",),
    "shards/model.safetensors.index.json": (f"audit shards --network {_LOADED}",),
    "shards/1.safetensors": (f"audit shards --network {_LOADED}",),
    "hub/config.json": ("audit hub",),
    "set/index.csv": ("concepts check broden:set",),
    "set/label.csv": ("concepts check broden:set",),
    "set/category.csv": ("concepts check broden:set",),
    "set/c_object.csv": ("concepts check broden:set",),
    "set/images/val/aeroplane/0000.png": (
        "concepts check broden:set",
        f"dissect {_LOADED} {_SOUND}",
        f"evaluate {_LOADED} --data set/images --split val",
    ),
    "set/images/labels/val/aeroplane/0000_color.png": (
        "concepts check broden:set",
        f"dissect {_LOADED} {_SOUND}",
    ),
    "mine/masks/val/c.png": ("concepts check masks:mine",),
    "mine/names.csv": ("concepts check masks:mine",),
    "rows/train.parquet": (f"evaluate {_LOADED} --data rows --split train",),
    "down/download.json": ("concepts download broden --from broden1_224.zip --out down",),
}
"""The commands that read each file; "load" is what a notebook makes of it."""


@pytest.fixture(scope="module")
def sound(own_world: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(own_world)
        _add_results()
        _add_networks()
        _add_rows()
        download_broden(Path("down"), source="broden1_224.zip")
    return own_world


def _add_results() -> None:
    layer = make_layer({"red": 200}, {"cat": 100}, {})
    save_run(Path("tables"), {(0, "dense", 0): [layer], (0, "lottery", 1): [layer]})
    record = Provenance(Path("run"))
    for kind in ("level", "dissection"):
        record.finished(Artifact(path=kind, key="k"), kind=kind, seconds=3, cost=10, resumed=False)
    content = {"key": "k", "kind": "level", "files": {"history.csv": "5" * 64}, "sizes": {}}
    Path("run/replicate-0/level-00/manifest.json").write_text(json.dumps(content))
    stated = {"layers": ("layer3", "layer2"), "quantile": 0.02, "null": 2, "formulas": 2}
    settings = DissectionSettings.validate_from(stated, "the tests")
    network = load_network(NETWORK, weights="dense.pth", num_classes=10)
    dissect_network(network, settings, "broden:set", out=Path("D"))
    for a, b, out in (("A", "B", "C"), ("tables", "tables", "CC")):
        write_comparison(ps.compare(a, b), Path(out))
    about = {"network": NETWORK, "data": "set/images", "split": "val"}
    Evaluation.of(said((0, 2, 2, 3), (2, 2, None, 3)), about).save("E")
    shutil.copytree("D", "recorded/D")
    shutil.copytree("C", "recorded/C")
    Path("D/layers.json").write_text(json.dumps({"layers": ["layer2", "layer3"]}))
    for name in ("C", "CC", "E"):  # of an earlier version, so that it is read however it is damaged
        Path(name, "checksums.json").unlink()


def _add_networks() -> None:
    state = torch.load("dense.pth", weights_only=True)
    names = {"1.safetensors": list(state)[:20], "2.safetensors": list(state)[20:]}
    Path("shards").mkdir()
    for shard, own in names.items():
        save_file({name: state[name] for name in own}, f"shards/{shard}")
    listed = {name: shard for shard, own in names.items() for name in own}
    index = Path("shards/model.safetensors.index.json")
    index.write_text(json.dumps({"weight_map": listed}))
    shutil.copytree(LEVEL, "hub")
    Path("hub/weights.safetensors").rename("hub/model.safetensors")
    seen = {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": [3, 32, 32]}
    config = {"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": seen}
    Path("hub/config.json").write_text(json.dumps(config))
    pruned = Path(LEVEL, "weights.safetensors")
    shutil.copy(pruned, "p.safetensors")
    shutil.copy(pruned.with_name("mask.safetensors"), "p.mask.safetensors")


def _add_rows() -> None:
    Path("rows").mkdir()
    files = sorted(Path("set/images/train").glob("*/*.png"))
    classes = sorted({file.parent.name for file in files})
    rows = [
        {"image": {"bytes": file.read_bytes(), "path": file.name}, "label": classes.index(name)}
        for file in files
        for name in (file.parent.name,)
    ]
    pd.DataFrame(rows).to_parquet("rows/train.parquet")


@pytest.mark.long
@pytest.mark.parametrize("name", READ_BY)
def test_a_damaged_file_is_refused_in_a_line(
    sound: Path, name: str, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch
) -> None:
    _try(sound, name, _FEW, prunescope, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", READ_BY)
def test_a_file_damaged_in_many_ways_is_refused_in_a_line(
    sound: Path, name: str, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch
) -> None:
    _try(sound, name, _MANY, prunescope, monkeypatch)


def _try(
    root: Path, name: str, most: int, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    path = root / name
    whole = path.read_bytes()
    ways = list(damages(path.name, whole))
    kept = {file: file.read_bytes() for file in Path("D").rglob("*.*") if file.is_file()}
    try:
        for way, content in random.Random(name).sample(ways, min(most, len(ways))):
            for line in READ_BY[name]:
                path.write_bytes(content)
                _check(_end(line, prunescope), (name, way, line))
                for file, former in kept.items():  # `chance` adds to it
                    if file.read_bytes() != former:
                        file.write_bytes(former)
    finally:
        path.write_bytes(whole)
        for made in ("q.safetensors", "q.mask.safetensors", "e.csv"):
            Path(made).unlink(missing_ok=True)


def _end(line: str, prunescope: Prunescope) -> Ended:
    if not line.startswith("load "):
        return prunescope(*shlex.split(line))
    try:
        loaded = ps.load(line.split()[1])
        shown = [repr(loaded), loaded._repr_html_() if hasattr(loaded, "_repr_html_") else ""]
        shown += [
            str(getattr(loaded, name)) for name in ("keep", "accuracy") if hasattr(loaded, name)
        ]
        return Ended(status=0, out=printable("".join(shown)), err="")
    except InputError as error:
        return Ended(status=2, out="", err=f"prunescope: {error}\n")


def _check(ended: Ended, told: object) -> None:
    assert ended.status in (0, 2), (told, ended)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", ended.out + ended.err), told
    said = [line for line in ended.err.splitlines() if line.startswith("prunescope: ")]
    checked = "problem" in ended.out.lower()  # `audit` and `concepts check` say it on their output
    assert len(said) == (ended.status == 2 and not checked), (told, ended)
    assert all(len(line) < _LONGEST for line in said), (told, ended)


def _without_an_image(masks: pd.DataFrame) -> pd.DataFrame:
    return masks.iloc[1:]


def _beyond_the_map(masks: pd.DataFrame) -> pd.DataFrame:
    return masks.assign(starts=[starts + 10**6 for starts in masks["starts"]])


def _of_other_units(masks: pd.DataFrame) -> pd.DataFrame:
    return masks.assign(units=[units + 10**4 for units in masks["units"]])


def _with_runs_too_few(masks: pd.DataFrame) -> pd.DataFrame:
    return masks.assign(lengths=[lengths[:-1] for lengths in masks["lengths"]])


@pytest.mark.parametrize(
    "change", [_without_an_image, _beyond_the_map, _of_other_units, _with_runs_too_few]
)
def test_masks_that_fit_no_other_part_are_refused(
    sound: Path,
    prunescope: Prunescope,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    monkeypatch.chdir(sound)
    path = Path("D/layer3/masks.parquet")
    whole = path.read_bytes()
    try:
        change(pd.read_parquet(path)).to_parquet(path, index=False)
        check_refused(prunescope(*shlex.split(_MORE)), "layer3", "masks")
    finally:
        path.write_bytes(whole)


def test_units_in_another_order_than_their_counts_are_refused(
    sound: Path, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sound)
    path = Path("D/layer3/units.parquet")
    whole = path.read_bytes()
    try:
        pd.read_parquet(path).iloc[::-1].to_parquet(path, index=False)
        check_refused(prunescope(*shlex.split(_MORE)), "not of the units beside it")
    finally:
        path.write_bytes(whole)


@pytest.mark.slow
def test_a_study_whose_finished_parts_are_damaged_says_so_and_loses_no_report(
    finished: Path, prunescope: Prunescope
) -> None:
    for name in ("metrics.json", "dissection/layer3/units.parquet"):
        path = finished / LEVEL.removeprefix("run/") / name
        whole = path.read_bytes()
        for content in (whole[:-1] + b"\0", b"{}".ljust(len(whole))):
            path.write_bytes(content)
            ended = prunescope("report", finished)
            assert ended.status == 2, ended.err
            assert "missing or damaged" in ended.err
            assert (finished / "report/index.html").is_file()
            assert (finished / "tables/levels.csv").is_file()
        path.write_bytes(whole)


@pytest.fixture
def finished(
    sound: Path, tmp_path: Path, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.chdir(sound)
    out = tmp_path / "done"
    assert prunescope("run", "tiny.yaml", "--out", out, "--workers", "1").status == 0
    return out
