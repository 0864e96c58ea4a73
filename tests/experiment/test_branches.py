"""Does a branch that fails stop alone, and can a study be made, shown and joined in parts?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from commands import Prunescope
from prunescope.base.errors import ConfigError, StudyIncomplete
from prunescope.base.progress import SILENT
from prunescope.experiment.levels.pruned import PrunedLevelStage
from prunescope.experiment.merging import merge_runs
from prunescope.experiment.run import report_again, run_study
from prunescope.experiment.status import status
from prunescope.recipe import Recipe
from runs import contents, make_levels

TinyStudy = Callable[..., Recipe]
HOPELESS = {"levels": 2, "recovery": "finetune", "learning_rate": 1e12, "steps": "1ep"}
BOTH = {
    "rewind_to": "1ep1it",
    "strategies": {"lottery": {"levels": 2}, "tuned": HOPELESS},
}


@pytest.fixture(scope="module")
def failed(tiny_study: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of a study with a strategy that diverges."""
    out = tmp_path_factory.mktemp("failed") / "run"
    with pytest.raises(StudyIncomplete):
        run_study(tiny_study(pruning=BOTH, replicates=1), out, workers=1)
    return out


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_branch_that_diverges_stops_alone_and_is_named(
    tiny_study: TinyStudy, failed: Path, tmp_path: Path, workers: int
) -> None:
    out = Path(shutil.copytree(failed, tmp_path / "run")) if workers == 1 else tmp_path / "run"
    study = tiny_study(pruning=BOTH, replicates=1)
    with pytest.raises(StudyIncomplete) as raised:
        run_study(study, out, workers=workers)
    said = str(raised.value)
    assert "replicate 0, level 1 of tuned: the loss is" in said
    assert "Lower pruning.strategies.tuned.learning_rate" in said
    assert "2 of 5 levels are not finished" in said
    found = status(out)
    assert "replicate 0, level 2 of lottery" in found.done
    assert "dissecting replicate 0, level 2 of lottery" in found.done
    assert [title for title in found.to_do if "tuned" not in title] == [
        "tables",
        "figures",
        "report",
    ]
    assert found.failed[0].startswith("replicate 0, level 1 of tuned: the loss is")
    assert found.failed[0] in str(found)
    levels = pd.read_csv(out / "tables" / "levels.csv")
    assert set(levels["strategy"]) == {"dense", "lottery"}
    assert "3 of 5 levels" in (out / "report" / "index.html").read_text()


@pytest.mark.long
def test_what_failed_is_tried_again_and_forgotten_once_it_is_made(
    tiny_study: TinyStudy, failed: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(failed, tmp_path / "run"))
    gentle = {"lottery": {"levels": 2}, "tuned": HOPELESS | {"learning_rate": 1e-3}}
    better = tiny_study(pruning=BOTH | {"strategies": gentle}, replicates=1)
    run_study(better, out, workers=1)
    assert status(out).failed == ()
    assert status(out).to_do == ()
    assert "not finished" not in (out / "report" / "index.html").read_text()


def test_a_branch_that_fails_gives_exit_status_1_and_one_line(
    prunescope: Prunescope, tiny_study: TinyStudy, failed: Path, tmp_path: Path
) -> None:
    out, recipe = Path(shutil.copytree(failed, tmp_path / "run")), tmp_path / "recipe.yaml"
    recipe.write_text(tiny_study(pruning=BOTH, replicates=1).to_yaml())
    answer = prunescope("run", recipe, "--out", out, "--workers", 1)
    assert answer.status == 1
    assert "Traceback" not in answer.err
    assert "Lower pruning.strategies.tuned.learning_rate" in answer.err


@pytest.mark.long
def test_memory_that_runs_out_is_told_and_the_rest_is_made(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune = PrunedLevelStage.prune

    def scarce(self: Any, network: Any, before: Any, runner: Any) -> Any:
        if self.key.level == 2:
            raise MemoryError
        return prune(self, network, before, runner)

    monkeypatch.setattr(PrunedLevelStage, "prune", scarce)
    with pytest.raises(StudyIncomplete, match="level 2 of lottery: memory ran out: take fewer"):
        run_study(tiny_study(replicates=1), tmp_path / "run", workers=1)
    assert "replicate 0, level 1 of lottery" in status(tmp_path / "run").done


@pytest.mark.long
def test_a_report_of_part_of_a_run_says_which_part(finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    shutil.rmtree(run / "replicate-1" / "lottery" / "level-02")
    report_again(run)
    assert "5 of 6 levels" in (run / "report" / "index.html").read_text()
    assert len(pd.read_csv(run / "tables" / "levels.csv")) == 5 * 2
    shutil.rmtree(run / "replicate-0" / "level-00")
    report_again(run)
    page = (run / "report" / "index.html").read_text()
    assert "2 of 6 levels" in page  # without level 0 nothing of a replicate can be compared
    shutil.rmtree(run / "replicate-1")
    with pytest.raises(ConfigError, match="no finished level to show"):
        report_again(run)


def test_extending_a_study_takes_nothing_away_before_there_is_more(
    tiny_study: TinyStudy, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    before = {name: kept for name, kept in contents(run).items() if name.startswith("report/")}

    def stop(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("prunescope.training.loop.train", stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(tiny_study(replicates=3), run, workers=1)
    after = contents(run)
    assert {name: after[name] for name in before} == before


@pytest.mark.long
def test_parts_made_apart_and_merged_are_the_whole_to_the_byte(
    tiny_study: TinyStudy, finished: Path, tmp_path: Path
) -> None:
    study = tiny_study()
    for part, only in (
        ("first", ["replicate=0"]),
        ("second", ["replicate=1,level=1"]),
        ("third", ["replicate=1", "strategy=lottery"]),
    ):
        run_study(study, tmp_path / part, only=only, workers=1)
    made = status(tmp_path / "second").done
    assert "replicate 1, level 1 of lottery" in made
    assert not [title for title in made if "replicate 0" in title or "level 2" in title]
    page = merge_runs([tmp_path / name for name in ("first", "third")], tmp_path / "merged")
    assert page.is_file()
    expected, merged = contents(finished), contents(tmp_path / "merged")
    assert merged == expected
    assert status(tmp_path / "merged").to_do == ()


@pytest.mark.slow
def test_runs_with_other_replicates_strategies_and_levels_are_parts_of_one_study(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    few = {"rewind_to": "1ep1it", "strategies": {"lottery": {"levels": 1}}}
    other = {"rewind_to": "1ep1it", "strategies": {"random": {"levels": 1, "criterion": "random"}}}
    run_study(tiny_study(pruning=few, replicates=1), tmp_path / "a", workers=1)
    run_study(tiny_study(pruning=other, replicates=1), tmp_path / "b", workers=1)
    merge_runs([tmp_path / "a", tmp_path / "b"], tmp_path / "c", progress=SILENT)
    found = status(tmp_path / "c")
    assert found.to_do == ()
    levels = pd.read_csv(tmp_path / "c" / "tables" / "levels.csv")
    assert set(levels["strategy"]) == {"dense", "lottery", "random"}
    record = json.loads((tmp_path / "c" / "provenance.json").read_text())
    invocations = {entry["invocation"] for entry in record["artifacts"].values()}
    assert {0, 1} <= invocations


def test_runs_of_other_studies_are_not_merged(
    tiny_study: TinyStudy, values: dict[str, Any], finished: Path, tmp_path: Path
) -> None:
    other = tiny_study(training=values["training"] | {"weight_decay": 2e-4})
    run = Path(shutil.copytree(finished, tmp_path / "other"))
    (run / "study.yaml").write_text(other.to_yaml())
    with pytest.raises(ConfigError, match=r"training\.weight_decay is 0\.0001 in one and 0\.0002"):
        merge_runs([finished, run], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    with pytest.raises(ConfigError, match="give two or more"):
        merge_runs([finished], tmp_path / "merged")
    with pytest.raises(ConfigError, match="is a run already"):
        merge_runs([finished, run], finished)


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ("replicate=2", r"has no such replicate; it has 0, 1"),
        ("strategy=lotery", r'no such strategy \(did you mean "lottery"\?\)'),
        ("level=3", r"no such level; it has 0, 1, 2"),
        ("levels=1", r'write it as "replicate=1".*did you mean "level"'),
        ("1", r'write it as "replicate=1"'),
        ("replicate=0,", r'write it as "replicate=1"'),
    ],
)
def test_levels_that_the_study_does_not_have_are_refused(
    tiny_study: TinyStudy, tmp_path: Path, only: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        run_study(tiny_study(), tmp_path / "run", only=[only])
    assert not (tmp_path / "run").exists()


def test_the_history_ends_with_the_accuracy_of_the_level(finished: Path) -> None:
    for level in ("level-00", "lottery/level-02"):
        folder = finished / "replicate-0" / level
        history = pd.read_csv(folder / "history.csv")
        metrics = json.loads((folder / "metrics.json").read_text())
        assert history["test_accuracy"].iloc[-1] == metrics["top1"]
        assert history["test_accuracy"].notna().all()


@pytest.mark.long
def test_how_often_accuracy_is_measured_changes_no_weight(
    tiny_study: TinyStudy, values: dict[str, Any], finished: Path, tmp_path: Path
) -> None:
    for every, rows, measured in (("end", 2, 1), ("2it", 3, 3)):
        study = tiny_study(training=values["training"] | {"evaluate_every": every}, replicates=1)
        out = make_levels(study, tmp_path / every)
        level = "replicate-0/lottery/level-01"
        weights = f"{level}/weights.safetensors"
        assert (out / weights).read_bytes() == (finished / weights).read_bytes()
        history = pd.read_csv(out / level / "history.csv")
        assert (len(history), history["test_accuracy"].notna().sum()) == (rows, measured)
