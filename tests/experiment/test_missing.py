"""Does a finished run that lost something say so, and make it again to the byte?"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from prunescope.experiment import run_study, status
from prunescope.experiment.auditing import audit_run
from prunescope.study import Study
from runs import contents

TinyStudy = Callable[..., Study]
_LOST = (
    "replicate-0/rewind",
    "replicate-0/lottery/level-02/metrics.json",
    "replicate-0/level-00/manifest.json",
    "replicate-0/lottery/level-01",
    "replicate-0/lottery/level-02/weights.safetensors",
    "replicate-0/lottery/level-02/dissection/layer2/units.parquet",
    "tables/levels.csv",
    "report/index.html",
)


@pytest.fixture(scope="module")
def finished(tiny_study: TinyStudy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    study, out = tiny_study(replicates=1), tmp_path_factory.mktemp("finished") / "run"
    run_study(study, out, workers=1)
    return study, out


def test_whatever_a_run_lost_is_named_and_made_again(
    finished: tuple[Study, Path], tmp_path: Path
) -> None:
    study, out = finished[0], tmp_path / "run"
    shutil.copytree(finished[1], out)
    whole = contents(out)
    assert status(out).damaged == ()
    for name in _LOST:
        path = out / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = status(out)
    for name in _LOST:
        said = name.removesuffix("/manifest.json")
        named = [flaw for flaw in before.damaged if flaw.startswith(f"{said} ")]
        assert named, name
        assert named[0] in str(before)
    run_study(study, out, workers=1)
    assert status(out).damaged == ()
    after = {name: kept for name, kept in contents(out).items() if "outdated/" not in name}
    assert after == whole


def test_an_audit_names_the_levels_and_files_that_a_run_lost(
    finished: tuple[Study, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished[1], out)
    assert audit_run(out).problems == []
    (out / "replicate-0/lottery/level-02/weights.safetensors").unlink()
    (out / "replicate-0/level-00/dissection/layer2/units.parquet").unlink()
    shutil.rmtree(out / "replicate-0/lottery/level-01")
    problems = "\n".join(audit_run(out).problems)
    assert "level-02: weights.safetensors is missing" in problems
    assert "level-01: the whole level is missing" in problems
    assert "level-00: dissection/layer2/units.parquet is missing" in problems
