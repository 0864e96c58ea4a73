"""Does a flipped bit in a saved file change what is read from it, or is the file refused?"""

import random
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import yaml

import prunescope as ps
from coloured import write_world
from commands import Ended, Prunescope
from prunescope.base.errors import PrunescopeError
from prunescope.networks.registry import build
from prunescope.results.evaluation import Evaluation
from prunescope.results.evaluation_pair import EvaluationPair
from runs import tiny_recipe

_MANY = 15  # bits of each file: about a thousand
LEVEL, DENSE = "run/replicate-0/lottery/level-01", "run/replicate-0/level-00"
LAYER = f"{LEVEL}/dissection/layer3"
NETWORK = "cifar_resnet20,width=0.25 --num-classes 10"
DATA = "--data set/images --split val"
MORE = "chance D --concepts broden:set --null 3"
READ_BY = {
    "run/study.yaml": ("summary run", "load run", "status run", "audit run", f"summary {LEVEL}"),
    "run/provenance.json": ("status run", "summary run"),
    "run/tables/manifest.json": ("summary run", "status run"),
    "run/tables/levels.csv": ("load run", "summary run", "compare run run"),
    "run/tables/verdict.json": ("summary run", "load run"),
    "run/tables/intervals.csv": ("load run",),
    "run/tables/unit_shares.parquet": ("unit run 1",),
    "run/tables/concept_outcomes.parquet": ("load run",),
    "run/tables/units.parquet": ("summary run --iou 0.1", "compare run run"),
    **{
        f"run/tables/{name}": ("load run", "summary run")
        for name in ("classes.csv", "exemplars.csv")
    },
    f"{LEVEL}/manifest.json": ("summary run", "status run", f"load {LEVEL}"),
    f"{LEVEL}/manifest-evaluation.json": ("summary run", "status run", f"load {LEVEL}"),
    f"{LEVEL}/metrics.json": (f"load {LEVEL}", f"compare {DENSE} {LEVEL}", "load run"),
    f"{LEVEL}/predictions.parquet": (f"load {LEVEL}", "status run"),
    f"{LEVEL}/history.csv": (f"load {LEVEL}", "status run"),
    f"{LEVEL}/weights.safetensors": (
        f"dissect {LEVEL} --list-layers",
        f"audit {LEVEL}",
        f"evaluate {LEVEL} {DATA}",
        f"prune {LEVEL} --keep 0.4 --out made/o.safetensors",
    ),
    f"{LEVEL}/mask.safetensors": (f"load {LEVEL}", f"audit {LEVEL}"),
    f"{LAYER}/manifest.json": (f"summary {LEVEL}", "status run"),
    f"{LAYER}/conditions.json": ("audit run",),
    f"{LAYER}/association.safetensors": ("audit run",),
    f"{LAYER}/manifest-scores.json": (f"summary {LEVEL}", "status run"),
    f"{LAYER}/summary.json": (f"summary {LEVEL}", f"compare {DENSE} {LEVEL}", "summary run"),
    f"{LAYER}/units.parquet": (f"summary {LEVEL}", f"compare {DENSE} {LEVEL}"),
    f"{LAYER}/overlap.safetensors": (
        f"export {LEVEL} --out made/e.csv",
        f"compare {DENSE} {LEVEL} --match profile",
    ),
    f"{LAYER}/examples.parquet": (f"load {LEVEL}",),
    f"{LAYER}/borderline.parquet": (f"load {LEVEL}",),
    f"{LAYER}/peaks.parquet": (f"load {LEVEL}",),
    f"{LAYER}/images.parquet": (f"load {LEVEL}", f"compare {DENSE} {LEVEL}"),
    "D/layers.json": ("summary D", "load D", "summary D/layer3"),
    "D/layer3/summary.json": ("summary D", "load D"),
    "D/layer3/units.parquet": ("summary D", "load D", "compare D D"),
    "D/layer3/overlap.safetensors": ("load D", "compare D D --match profile"),
    "D/layer3/examples.parquet": ("load D",),
    "D/layer3/borderline.parquet": ("load D",),
    "D/layer3/peaks.parquet": ("load D",),
    "D/layer3/images.parquet": ("load D", "summary D", "compare D D"),
    "B/layer3/basis.safetensors": ("load B",),
    "B/layer3/quantiles.parquet": ("load B", "summary B"),
    "B/layer3/words.parquet": ("load B", "unit B 1"),
    "D/layer3/masks.parquet": (MORE,),
    "D/layer3/draws.safetensors": (MORE,),
    **{
        f"C/{name}": ("summary C", "load C")
        for name in ("checksums.json", "summary.json", "units.parquet", "concepts.csv")
    },
    **{
        f"CC/{name}": ("summary CC", "load CC")
        for name in ("summary.json", "units.parquet", "concepts.csv", "levels.csv")
    },
    **{
        f"E/{name}": ("summary E", "load E")
        for name in ("checksums.json", "evaluation.json", "predictions.parquet")
    },
    **{
        f"P/{name}": ("summary P", "load P")
        for name in ("evaluation.json", "predictions_a.parquet", "predictions_b.parquet")
    },
    "p.safetensors": (
        "dissect p.safetensors --list-layers",
        "audit p.safetensors",
        f"evaluate p.safetensors {DATA}",
    ),
    **{
        f"F/{name}": ("summary F", "load F")
        for name in ("ablation.json", "predictions_whole.parquet", "predictions_without.parquet")
    },
    "p.mask.safetensors": ("audit p.safetensors", "prune p.safetensors --keep 0.4 --out made/o.pth"
                           " --format torch"),
    "p.pth": (f"audit p.pth --network {NETWORK}",),
    "e.csv": ("summary e.csv", "compare e.csv D/layer3"),
}  # fmt: skip
"""Commands that read each file; `load` is what Python makes of it. Every kind of file that a run
and single commands leave behind is here, but those that nothing reads: pictures, pages, `units.csv`
and `conventions.csv`."""


class Outcome(NamedTuple):
    """How a command ended, and the files that it wrote."""

    ended: Ended
    made: dict[str, bytes]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """A folder with a run, and with what every single command that writes has written."""
    root = tmp_path_factory.mktemp("flipped")
    shutil.copytree(drawn, root / "set")
    write_world(root)
    weights = build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict()
    torch.save(weights, root / "dense.pth")
    recipe = tiny_recipe(root / "set") | {"replicates": 1}
    recipe["training"] |= {"to": "1ep", "milestones": []}
    recipe["pruning"] = {"rewind_to": "1it", "strategies": {"lottery": {"levels": 1}}}
    recipe["dissection"] = {"layers": ["layer3"], "quantile": 0.02, "examples": 2}
    (root / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    return root


@pytest.fixture
def world(saved: Path, prunescope: Prunescope, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(saved)
    dense = f"{NETWORK} --weights dense.pth"
    concepts = "--concepts broden:set --layer layer3 --quantile 0.02"
    for made, line in {
        "run": "run tiny.yaml --out run --workers 1",
        "D": f"dissect {dense} {concepts} --null 2 --out D",
        "B": f"dissect {dense} {concepts} --basis random-rotation --quantiles 0.05 "
        "--words words.txt --encoder coloured_code:encoder --word-draws 9 --out B",
        "C": "compare D D --out C",
        "E": f"evaluate {dense} {DATA} --out E",
        "F": f"ablate {dense} {DATA} --layer layer3 --unit 1 --controls 1 --out F",
        "P": f"evaluate {DENSE} {LEVEL} {DATA} --rounds 0 --out P",
        "CC": "compare run run --out CC",
        "p.safetensors": f"prune {dense} --keep 0.5 --out p.safetensors",
        "p.pth": f"prune {dense} --keep 0.5 --out p.pth --format torch",
        "e.csv": "export D --out e.csv",
    }.items():
        if not Path(made).exists():
            assert prunescope(*shlex.split(line)).status == 0, line
    return saved


@pytest.mark.parametrize("name", READ_BY)
def test_a_flipped_bit_changes_nothing_that_is_read(
    world: Path, prunescope: Prunescope, name: str
) -> None:
    _flip(name, READ_BY[name][:1], 1, prunescope)


@pytest.mark.slow
@pytest.mark.parametrize("name", READ_BY)
def test_many_flipped_bits_change_nothing_that_is_read(
    world: Path, prunescope: Prunescope, name: str
) -> None:
    _flip(name, READ_BY[name], _MANY, prunescope)


def test_every_kind_of_file_that_is_read_is_flipped(world: Path) -> None:
    kinds = {Path(name).name for name in READ_BY}
    unread = {"units.csv", "comparison.png", "comparison.svg", "index.html"}
    for folder in ("run", "B", "D", "C", "CC", "E", "F", "P"):
        shown = ("figures", "report", "assets", ".lock")
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        names = {path.name for path in files if not set(path.parts) & set(shown)}
        assert names <= kinds | unread


def _flip(name: str, lines: tuple[str, ...], bits: int, prunescope: Prunescope) -> None:
    path = Path(name)
    whole = path.read_bytes()
    kept = {file: file.read_bytes() for file in Path("D").rglob("*") if file.is_file()}
    chance = random.Random(name)
    for line in lines:
        sound = _perform(line, prunescope)
        assert sound.ended.status == 0, (line, sound)
        _restore(kept)
        for bit in chance.sample(range(8 * len(whole)), bits):
            content = bytearray(whole)
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            found = _perform(line, prunescope)
            path.write_bytes(whole)
            _restore(kept)  # `chance` adds to it
            _check(found, sound, (name, bit, line))


def _perform(line: str, prunescope: Prunescope) -> Outcome:
    shutil.rmtree("made", ignore_errors=True)
    ended = _load(line.split()[1]) if line.startswith("load ") else prunescope(*shlex.split(line))
    made = {path.name: path.read_bytes() for path in Path().glob("made/*")}
    return Outcome(ended, made)


def _load(path: str) -> Ended:
    """Look at all that Python gives of what lies at a path."""
    try:
        found = ps.load(path)
        shown = [str(found), found._repr_html_() if hasattr(found, "_repr_html_") else ""]
        match found:
            case ps.Run():
                shown += [found.name, str(found.recipe), found.units.to_csv()]
                shown += [found.classes.to_csv(), found.exemplars.to_csv()]
                shown += [found.tables.intervals.to_csv(), str(found.verdicts)]
                shown.append(found.tables.concept_outcomes.to_csv())
            case ps.Level():
                shown += [str(found.metrics), found.history.to_csv(), str(found.mask.keep)]
                shown += [found.predictions.to_csv(), *_everything(found.dissection)]
            case ps.Dissection():
                shown += _everything(found)
            case EvaluationPair():
                shown += [table.to_csv() for table in found.predictions.values()]
            case Evaluation():
                shown += [str(found.about), found.predictions.to_csv()]
        return Ended(status=0, out="\n".join(shown), err="")
    except PrunescopeError as error:
        return Ended(status=2, out="", err=f"prunescope: {error}\n")


def _everything(found: ps.Dissection) -> list[str]:
    tables = [
        table.to_json()
        for layer in found.layers.values()
        for table in (
            *(layer.units, layer.examples, layer.images, layer.iou),
            *(layer.borderline, layer.peaks),
        )
    ]
    return [
        *tables,
        *(
            str((layer.summary, layer.quantiles, layer.basis is None or layer.basis.tolist()))
            for layer in found.layers.values()
        ),
    ]


def _restore(kept: dict[Path, bytes]) -> None:
    for file, former in kept.items():
        if file.read_bytes() != former:
            file.write_bytes(former)


def _check(found: Outcome, sound: Outcome, told: object) -> None:
    status, out, err = found.ended.status, found.ended.out, found.ended.err
    assert "Traceback" not in err, told
    if status != 0:
        said = [line for line in err.splitlines() if line.startswith("prunescope: ")]
        checked = "problem" in out.lower()  # `audit` says it on its output
        assert status in (1, 2), (told, err)
        assert len(said) == 1 or checked, (told, err)
    elif (out, found.made) != (sound.ended.out, sound.made):
        reports = re.search("damaged|missing", out)  # `status` goes on, and says it
        assert reports, (told, out)
