"""Does a study, run, stopped, extended and shown again, hold what it must?"""

import gc
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from commands import Prunescope
from prunescope.base.errors import (
    ConfigError,
    DataError,
    PrunescopeError,
    RunBusyError,
)
from prunescope.base.progress import Progress
from prunescope.base.tensors import load_metadata, load_tensors
from prunescope.data.images import LabelledImages
from prunescope.experiment.facts import SourceFacts, StudyFacts
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import report_again, run_study
from prunescope.experiment.runner import StageRunner
from prunescope.experiment.status import status
from prunescope.networks.loading import load_network
from prunescope.recipe import Recipe
from prunescope.results.evaluation import Evaluation
from prunescope.results.run import Level, Run
from prunescope.results.store import Store
from runs import contents

TinyStudy = Callable[..., Recipe]
LEVELS = ["level-00", "lottery/level-01", "lottery/level-02"]


class _Listener(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def test_a_run_has_weights_masks_dissections_tables_figures_and_a_page(finished: Path) -> None:
    for replicate in ("replicate-0", "replicate-1"):
        assert (finished / replicate / "rewind" / "weights.safetensors").is_file()
        for level in LEVELS:
            folder = finished / replicate / level
            for name in ("weights.safetensors", "metrics.json", "history.csv"):
                assert (folder / name).is_file()
            assert (folder / "mask.safetensors").is_file() == (level != "level-00")
            for layer in ("layer2", "layer3"):
                saved = {path.name for path in (folder / "dissection" / layer).iterdir()}
                assert saved >= {
                    "units.parquet",
                    "overlap.safetensors",
                    "examples.parquet",
                    "summary.json",
                }
    for name in ("fig1_accuracy", "fig2_interpretability", "fig3_taxonomy", "fig4_consistency"):
        forms = {path.suffix for path in (finished / "figures").glob(f"{name}.*")}
        assert forms == {".svg"}
    assert (finished / "tables" / "levels.csv").is_file()
    assert (finished / "tables" / "units.parquet").is_file()
    assert (finished / "report" / "index.html").is_file()
    assert not list((finished / ".work").glob("*"))


@pytest.mark.parametrize("replicate", ["replicate-0", "replicate-1"])
def test_pruned_weights_are_zero_and_masks_shrink_by_the_fraction(
    finished: Path, replicate: str
) -> None:
    former = Level.load(finished / replicate / "level-00").mask
    survivors = former.survivors
    assert former.keep == 1
    for level in LEVELS[1:]:
        weights = load_tensors(finished / replicate / level / "weights.safetensors")
        mask = load_tensors(finished / replicate / level / "mask.safetensors")
        for name, kept in mask.items():
            assert torch.all(weights[name][~kept] == 0)
            assert not torch.any(kept & ~former[name])
        left = sum(int(kept.sum()) for kept in mask.values())
        total = sum(kept.numel() for kept in mask.values())
        assert left == round(0.8 * survivors)
        metrics = json.loads((finished / replicate / level / "metrics.json").read_text())
        assert metrics["keep"] == left / total
        survivors, former = left, mask


def test_accuracy_and_loss_are_those_of_the_predictions(finished: Path) -> None:
    for level in Run.load(finished).finished:
        scores = Evaluation.of(level.predictions).as_dict()
        assert {name: level.metrics[name] for name in scores} == scores


def test_levels_of_an_earlier_version_say_how_to_get_predictions(run: Path) -> None:
    folder = run / "replicate-0" / "level-00"
    (folder / "predictions.parquet").unlink()
    with pytest.raises(DataError, match=r"predictions\.parquet is missing or damaged"):
        _ = Level.load(folder).predictions
    (folder / "manifest-evaluation.json").unlink()
    with pytest.raises(DataError, match="the study again with the same --out makes it, without"):
        _ = Level.load(folder).predictions


def test_replicates_differ(finished: Path) -> None:
    first, second = (
        load_tensors(finished / replicate / "rewind" / "weights.safetensors")["conv1.weight"]
        for replicate in ("replicate-0", "replicate-1")
    )
    assert not torch.equal(first, second)


def test_levels_rewind_to_the_same_moment_and_see_the_same_number_of_images(finished: Path) -> None:
    histories = [pd.read_csv(finished / "replicate-0" / level / "history.csv") for level in LEVELS]
    for history in histories:
        assert list(history["iteration"]) == list(histories[0]["iteration"])
        assert list(history["learning_rate"]) == list(histories[0]["learning_rate"])


def test_the_tables_hold_every_level_and_layer(finished: Path) -> None:
    levels = pd.read_csv(finished / "tables" / "levels.csv")
    assert len(levels) == 2 * 3 * 2
    assert set(levels["strategy"]) == {"dense", "lottery"}
    assert (levels.loc[levels["level"] == 0, "keep"] == 1).all()
    units = pd.read_parquet(finished / "tables" / "units.parquet")
    counts = units.groupby(["replicate", "strategy", "level", "layer"])["interpretable"].sum()
    for row in levels.itertuples():
        assert counts[row.replicate, row.strategy, row.level, row.layer] == row.interpretable


def test_a_level_opens_as_a_network(finished: Path) -> None:
    folder = finished / "replicate-0" / "lottery" / "level-02"
    loaded = load_network(str(folder))
    saved = load_tensors(folder / "weights.safetensors")
    assert torch.equal(loaded.module.state_dict()["conv1.weight"], saved["conv1.weight"])
    described = json.loads(load_metadata(folder / "weights.safetensors")["network"])
    assert described["name"] == "cifar_resnet20,width=0.25"


def test_the_same_study_again_changes_nothing_and_does_nothing(
    tiny_study: TinyStudy, run: Path
) -> None:
    before, times = contents(run), {path: path.stat().st_mtime_ns for path in run.rglob("*.s*")}
    listener = _Listener()
    run_study(tiny_study(), run, workers=1, progress=listener)
    assert contents(run) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (said,) = listener.said
    assert said.endswith("it was moved or copied, and goes on here")  # as the fixture copied it


class _Bookkeeper(Progress):
    """Counts the sets of photographs in this process whenever a stage is finished."""

    def __init__(self) -> None:
        self.counts = [self.count()]

    @staticmethod
    def count() -> int:
        return sum(type(thing) is LabelledImages for thing in gc.get_objects())

    def say(self, message: str) -> None:
        self.counts.append(self.count())


@pytest.mark.long
def test_workers_give_the_same_bytes_and_they_alone_hold_the_photographs(
    tiny_study: TinyStudy, finished: Path, tmp_path: Path
) -> None:
    bookkeeper = _Bookkeeper()
    run_study(tiny_study(), tmp_path / "run", workers=2, progress=bookkeeper)
    assert contents(tmp_path / "run") == contents(finished)
    assert len(bookkeeper.counts) > 1
    assert max(bookkeeper.counts) == bookkeeper.counts[0]


@pytest.mark.long
def test_a_study_is_extended_by_a_level(tiny_study: TinyStudy, run: Path) -> None:
    before = contents(run)
    pruning = {"rewind_to": "1ep1it", "strategies": {"lottery": {"levels": 3}}}
    listener = _Listener()
    run_study(tiny_study(pruning=pruning), run, workers=1, progress=listener)
    after = contents(run)
    kept = [name for name in before if name.startswith("replicate-")]
    assert all(after[name] == before[name] for name in kept)
    assert "replicate-1/lottery/level-03/metrics.json" in after
    trained = [line for line in listener.said if "of the weights left" in line]
    assert len(trained) == 2


@pytest.mark.slow
def test_a_changed_setting_sets_the_old_aside_and_brings_it_back(
    tiny_study: TinyStudy, values: dict[str, Any], run: Path
) -> None:
    before = contents(run)
    other = tiny_study(dissection=values["dissection"] | {"quantile": 0.02})
    run_study(other, run, workers=1)
    assert len(list((run / "outdated").iterdir())) == 2 * 3 * 2
    assert len(status(run).outdated) == 2 * 3 * 2
    run_study(tiny_study(), run, workers=1)
    after = {k: v for k, v in contents(run).items() if not k.startswith("outdated/")}
    assert after == before


@pytest.mark.long
def test_a_damaged_artifact_is_never_used_but_made_again(tiny_study: TinyStudy, run: Path) -> None:
    before = contents(run)
    weights = run / "replicate-0" / "rewind" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    shutil.rmtree(run / "replicate-0" / "level-00")
    listener = _Listener()
    run_study(tiny_study(), run, workers=1, progress=listener)
    assert any("rewind/weights.safetensors is damaged" in text for text in listener.said)
    after = contents(run)
    assert (run / "outdated/damaged/replicate-0+rewind+weights.safetensors").is_file()
    assert {name: held for name, held in after.items() if "outdated" not in name} == before


def test_a_second_writer_is_told_who_is_first(tiny_study: TinyStudy, run: Path) -> None:
    with Store(run).writing(), pytest.raises(RunBusyError, match="process"):
        run_study(tiny_study(replicates=3), run, workers=1)


def test_a_second_writer_is_told_at_once_before_it_reads_anything(
    tiny_study: TinyStudy, run: Path
) -> None:
    """Its photographs lie nowhere, which it would find out by looking for them."""
    study = tiny_study(data={"source": "nowhere/at/all"})
    before = contents(run)
    with Store(run).writing(), pytest.raises(RunBusyError, match="process"):
        run_study(study, run, workers=1)
    assert contents(run) == before


def test_status_says_what_is_left_and_how_long(tiny_study: TinyStudy, run: Path) -> None:
    assert status(run).to_do == ()
    assert status(run).seconds_left == 0
    shutil.rmtree(run / "replicate-1" / "lottery" / "level-02")
    left = status(run)
    assert left.to_do == (
        "replicate 1, level 2 of lottery",
        "evaluating replicate 1, level 2 of lottery",
        "dissecting replicate 1, level 2 of lottery",
        "scoring replicate 1, level 2 of lottery",
    )
    assert left.seconds_left is not None
    assert left.seconds_left > 0
    assert left.holder == ""


@pytest.fixture
def without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every attempt fail to read a photograph or a label map for its fingerprint."""
    monkeypatch.setattr("prunescope.data.sources.hash_file", None)
    monkeypatch.setattr("prunescope.concepts.contents.hash_file", None)


@pytest.mark.usefixtures("without_reading")
def test_status_says_which_training_is_under_way_and_how_far(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    study = tiny_study(replicates=1)
    monkeypatch.setattr("prunescope.experiment.levels.level.LevelStage.save_mask", stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "run", workers=1)
    found = status(tmp_path / "run")
    to = study.training.to
    expected = f"replicate 0, level 0, trained to {to} of {to} at its last checkpoint"
    assert found.under_way == (expected,)
    assert expected in str(found)
    assert found.as_dict()["holder"] is None


def test_status_does_not_read_the_photographs(run: Path) -> None:
    found = status(run)
    assert found.to_do == ()
    assert found.unread == ()


@pytest.mark.usefixtures("without_reading")
def test_a_worker_does_not_read_the_photographs_for_their_fingerprint(
    tiny_study: TinyStudy, run: Path, pictures: Path
) -> None:
    study = tiny_study(data={"source": str(pictures / "images" / "gone"), "test_split": "val"})
    known = SourceFacts(fingerprint="5" * 64, images=40)
    here = StageRunner(plan_study(study, StudyFacts(data=known, concepts=known)), Store(run))
    there = pickle.loads(pickle.dumps(here))
    assert there.plan.artifacts == here.plan.artifacts


def test_a_changed_photograph_is_noticed(
    tiny_study: TinyStudy, run: Path, pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    study = tiny_study(data={"source": str(copy), "test_split": "val"})
    (run / "study.yaml").write_text(study.to_yaml())
    assert "replicate 0, level 0" in status(run).done
    photograph = next((copy / "train").rglob("*.png"))
    photograph.write_bytes(bytes(photograph.stat().st_size))
    assert status(run).done == ()


def test_status_decodes_no_photograph(
    tiny_study: TinyStudy, run: Path, pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    for photograph in (copy / "train").rglob("*.png"):
        photograph.write_bytes(b"no picture")
    study = tiny_study(data={"source": str(copy), "test_split": "val"})
    (run / "study.yaml").write_text(study.to_yaml())
    found = status(run)
    assert found.done == ()
    assert found.seconds_left is not None
    assert found.seconds_left > 0


@pytest.mark.long
def test_the_report_is_made_again_with_the_same_bytes(run: Path) -> None:
    before = contents(run)
    for name in ("tables", "figures", "report"):
        (run / name / "stray").write_text("x")
    report_again(run)
    assert contents(run) == before


def test_a_report_that_cannot_be_made_again_leaves_the_former_one(run: Path) -> None:
    path = run / "replicate-0/lottery/level-01/metrics.json"
    path.write_bytes(b"{}".ljust(path.stat().st_size))
    before = contents(run)
    with pytest.raises(PrunescopeError, match=r"metrics\.json is missing or damaged"):
        report_again(run)
    assert contents(run) == before
    assert (run / "report/index.html").is_file()


@pytest.fixture
def bereft(tiny_study: TinyStudy, run: Path, pictures: Path, tmp_path: Path) -> Path:
    """A finished run whose photographs and concepts are gone."""
    copy = Path(shutil.copytree(pictures, tmp_path / pictures.name))
    study = tiny_study(
        data={"source": str(copy / "images"), "test_split": "val"},
        concepts={"source": f"broden:{copy}", "split": "val"},
    )
    run_study(study, run, workers=1)
    shutil.rmtree(copy)
    return run


def test_a_run_whose_photographs_are_gone_says_how_far_it_is(bereft: Path) -> None:
    found = status(bereft)
    assert found.to_do == ()
    assert ["does not exist" in found.unread[0], "no folder" in found.unread[1]] == [True, True]
    assert "taken as the run recorded it: the folder" in str(found)
    shutil.rmtree(bereft / "replicate-1" / "lottery" / "level-02")
    assert status(bereft).seconds_left is not None


@pytest.mark.long
def test_a_run_whose_concepts_are_gone_gets_its_tables_and_figures_but_no_page(
    bereft: Path,
) -> None:
    before = contents(bereft)
    for name in ("tables", "figures"):
        (bereft / name / "stray").write_text("x")
    listener = _Listener()
    report_again(bereft, progress=listener)
    assert contents(bereft) == before
    assert "tables and figures are made again, but not the page: there is no" in listener.said[-1]
    shutil.rmtree(bereft / "report")
    with pytest.raises(
        DataError, match=r"but not the page: there is no folder .* it needs the pic"
    ):
        report_again(bereft)


@pytest.mark.long
def test_a_run_whose_photographs_are_gone_is_summed_up_audited_and_compared(
    prunescope: Prunescope, bereft: Path
) -> None:
    for words in (["status", bereft], ["summary", bereft], ["audit", bereft]):
        assert prunescope(*words).status == 0
    assert prunescope("compare", bereft, bereft).status == 0


def test_a_folder_that_is_not_a_run_is_refused(tiny_study: TinyStudy, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ConfigError, match="neither empty nor a run folder"):
        run_study(tiny_study(), tmp_path, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
