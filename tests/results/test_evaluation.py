"""Is a saved evaluation the one that was saved, and nothing else overwritten or taken for one?"""

import json
from pathlib import Path

import pytest

from predicted import said
from prunescope.base.errors import ConfigError, DataError
from prunescope.results.evaluation import Evaluation

ABOUT = {"network": "plain_cnn", "data": "DIR", "split": "test"}


@pytest.fixture
def found() -> Evaluation:
    return Evaluation.of(said((0, 2, 2, 3), (2, 2, None, 3)), ABOUT)


def test_an_evaluation_comes_back_as_it_was_saved(found: Evaluation, tmp_path: Path) -> None:
    found.save(tmp_path / "E")
    back = Evaluation.load(tmp_path / "E")
    assert (back.as_dict(), back.about) == (found.as_dict(), ABOUT)
    assert back.predictions.equals(found.predictions)
    names = {path.name for path in (tmp_path / "E").iterdir()}
    assert names == {"evaluation.json", "predictions.parquet", "checksums.json"}
    assert list(tmp_path.iterdir()) == [tmp_path / "E"]


def test_another_evaluation_replaces_it_and_other_files_are_left_alone(
    found: Evaluation, tmp_path: Path
) -> None:
    found.save(tmp_path / "E")
    other = Evaluation.of(said((0, 1), (0, 1)), ABOUT)
    other.save(tmp_path / "E")
    assert Evaluation.load(tmp_path / "E").images == 2
    (tmp_path / "E" / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"not an evaluation \(it holds mine.txt\)"):
        other.save(tmp_path / "E")
    (tmp_path / "F").mkdir()
    (tmp_path / "F" / "classes.csv").write_text("of a run")
    with pytest.raises(ConfigError, match=r"not an evaluation \(it holds classes.csv\)"):
        other.save(tmp_path / "F")


@pytest.mark.parametrize("name", ["evaluation.json", "predictions.parquet"])
def test_a_file_of_another_evaluation_is_refused(
    found: Evaluation, tmp_path: Path, name: str
) -> None:
    found.save(tmp_path / "E")
    Evaluation.of(said((0, 2), (2, 2)), ABOUT).save(tmp_path / "other")
    (tmp_path / "E" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(DataError, match=f"{name} is damaged, or of another result"):
        Evaluation.load(tmp_path / "E")
    (tmp_path / "E" / "checksums.json").unlink()
    with pytest.raises(DataError, match=r"predictions\.parquet is not what evaluation\.json"):
        Evaluation.load(tmp_path / "E")


def test_scores_that_are_no_numbers_are_refused(found: Evaluation, tmp_path: Path) -> None:
    found.save(tmp_path / "E")
    path = tmp_path / "E" / "evaluation.json"
    (tmp_path / "E" / "checksums.json").unlink()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"top1": None}))
    with pytest.raises(DataError, match=r"evaluation\.json is damaged: top1 is None"):
        Evaluation.load(tmp_path / "E")
