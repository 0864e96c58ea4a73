"""Does a finished run that lost something say so, and make it again to the byte?"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.jobs import Recorder
from prunescope.base.errors import ConfigError, DataError, InputError
from prunescope.dissection.chance.more import draw_more
from prunescope.experiment import run as experiment_run
from prunescope.experiment.api import audit
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.run import run_study
from prunescope.experiment.status import status
from prunescope.networks.loading import load_network
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.recipe import Recipe
from prunescope.report.summary import summarise_result
from prunescope.results.artifacts import Artifact
from prunescope.results.run import Level, Run
from prunescope.results.store import Store
from prunescope.statistics.compare import compare
from runs import contents

TinyStudy = Callable[..., Recipe]
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


@pytest.mark.long
def test_whatever_a_run_lost_is_named_and_made_again(tiny_study: TinyStudy, run: Path) -> None:
    whole = contents(run)
    assert status(run).damaged == ()
    for name in _LOST:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = status(run)
    for name in _LOST:
        said = name.removesuffix("/manifest.json")
        named = [flaw for flaw in before.damaged if flaw.startswith(f"{said} ")]
        assert named, name
    assert f"  {before.damaged[0]}\n" in str(before)
    run_study(tiny_study(), run, workers=1)
    assert status(run).damaged == ()
    after = {name: kept for name, kept in contents(run).items() if "outdated/" not in name}
    assert after == whole


@pytest.mark.long
@pytest.mark.long
@pytest.mark.parametrize("lost", ["history.csv", "manifest.json"])
@pytest.mark.parametrize("linked", ["dissection", "dissection/layer3"])
def test_dissections_that_lie_elsewhere_stay_when_their_level_is_made_again(
    tiny_study: TinyStudy, run: Path, tmp_path: Path, lost: str, linked: str
) -> None:
    before = contents(run)
    level = run / "replicate-0/lottery/level-01"
    (level / linked).rename(tmp_path / "elsewhere")
    (level / linked).symlink_to(tmp_path / "elsewhere")
    (level / lost).unlink()
    said = Recorder()
    run_study(tiny_study(), run, workers=1, progress=said)
    assert (level / linked).is_symlink()
    assert not any(text.startswith("dissecting") for text in said.said)
    (level / linked).unlink()
    (tmp_path / "elsewhere").rename(level / linked)
    assert {n: c for n, c in contents(run).items() if not n.startswith("outdated/")} == before


@pytest.mark.long
def test_what_is_lost_while_a_study_runs_is_made_by_the_same_call(
    tiny_study: TinyStudy, run: Path
) -> None:
    before = contents(run)
    (run / "replicate-0/lottery/level-02/history.csv").unlink()

    class Losing(Recorder):
        def say(self, message: str) -> None:
            super().say(message)
            if message.startswith("replicate 0, level 2 of lottery:"):
                shutil.rmtree(run / "replicate-1/lottery/level-01/dissection")

    said = Losing()
    run_study(tiny_study(), run, workers=1, progress=said)
    assert any(text.startswith("dissecting replicate 1, level 1") for text in said.said)
    assert {n: c for n, c in contents(run).items() if not n.startswith("outdated/")} == before


def test_a_damaged_manifest_is_named_and_what_it_vouched_for_made_again(
    tiny_study: TinyStudy, run: Path
) -> None:
    whole = contents(run)
    level = run / "replicate-0/lottery/level-02"
    for manifest in (level / "manifest.json", level / "dissection/layer2/manifest.json"):
        manifest.write_bytes(manifest.read_bytes()[:40])
    said = "replicate-0/lottery/level-02 has a damaged manifest.json"
    assert said in status(run).damaged
    assert "replicate-0/lottery/level-02: manifest.json is damaged" in "\n".join(
        audit_run(run).problems
    )
    run_study(tiny_study(), run, workers=1)
    after = {name: kept for name, kept in contents(run).items() if "outdated/" not in name}
    assert after == whole


@pytest.mark.long
def test_what_another_command_mended_meanwhile_is_not_made_again(
    tiny_study: TinyStudy, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = run / "replicate-0/lottery/level-01/weights.safetensors"
    content = file.read_bytes()
    flip_last_byte(file)

    def mend(*_: object) -> None:
        file.write_bytes(content)

    monkeypatch.setattr(experiment_run, "_checked_sources", mend)
    said = Recorder()
    run_study(tiny_study(), run, workers=1, progress=said)
    assert not [text for text in said.said if "damaged" in text]
    assert not (run / "outdated").exists()


@pytest.mark.long
def test_a_file_changed_since_it_was_made_is_named_kept_and_made_again(
    tiny_study: TinyStudy, run: Path
) -> None:
    whole = contents(run)
    changed = (
        "replicate-0/lottery/level-01/weights.safetensors",
        "replicate-0/level-00/predictions.parquet",
        "tables/levels.csv",
    )
    inner = (run / "replicate-0/lottery/level-01/dissection/layer3/manifest.json").stat()
    for name in changed:
        flip_last_byte(run / name)
    said = Recorder()
    run_study(tiny_study(), run, workers=1, progress=said)
    for name in changed:
        assert any(f"{name} is damaged (its checksum" in text for text in said.said), name
        kept = run / "outdated/damaged" / name.replace("/", "+")
        assert kept.read_bytes()[:-1] == whole[name][:-1]
    after = {name: kept for name, kept in contents(run).items() if "outdated/" not in name}
    assert after == whole
    made = run / "replicate-0/lottery/level-01/dissection/layer3/manifest.json"
    assert made.stat().st_mtime_ns == inner.st_mtime_ns  # what was whole was not made again


def test_a_run_is_compared_with_its_checksums_once(
    tiny_study: TinyStudy, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Artifact] = []
    changes = Store.changes
    monkeypatch.setattr(Store, "changes", lambda s, a: read.append(a) or changes(s, a))
    run_study(tiny_study(), run, workers=1)
    assert read  # it is a copy, whose files are new
    read.clear()
    run_study(tiny_study(), run, workers=1)
    assert read == []
    os.utime(run / "tables/levels.csv")
    run_study(tiny_study(), run, workers=1)
    assert [artifact.path for artifact in read] == ["tables"]


def test_a_run_that_lost_its_study_says_how_to_get_it_back(
    tiny_study: TinyStudy, run: Path
) -> None:
    whole = contents(run)
    (run / "study.yaml").unlink()
    for ask in (status, audit_run, summarise_result, Run.load):
        with pytest.raises(InputError, match=r"lost its study\.yaml: run its recipe again"):
            ask(run)
    run_study(tiny_study(), run, workers=1)
    assert contents(run) == whole


def test_no_layer_that_the_study_names_is_left_out_in_silence(run: Path) -> None:
    level = run / "replicate-0/level-00"
    layer = level / "dissection/layer2"
    (layer / "units.parquet").unlink()
    for path in (level, level / "dissection", layer):
        for ask in (summarise_result, lambda path: compare(path, path)):
            with pytest.raises(DataError, match=r"layer2/units\.parquet is missing, though"):
                ask(path)
    shutil.rmtree(layer)
    for path in (level, level / "dissection"):
        for ask in (summarise_result, lambda path: compare(path, path)):
            with pytest.raises(DataError, match=r"lacks the dissection of layer2.*prunescope run"):
                ask(path)
    assert set(summarise_result(level / "dissection/layer3")[0]["layers"]) == {"layer3"}


def test_no_row_of_a_table_is_left_out_in_silence(run: Path) -> None:
    table = run / "tables/levels.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=r"levels\.csv has .* bytes, but had .*prunescope run"):
        summarise_result(run)


@pytest.mark.long
def test_an_audit_names_the_levels_and_files_that_a_run_lost(run: Path) -> None:
    assert audit_run(run).problems == []
    (run / "replicate-0/lottery/level-02/weights.safetensors").unlink()
    (run / "replicate-0/level-00/dissection/layer2/units.parquet").unlink()
    shutil.rmtree(run / "replicate-0/lottery/level-01")
    problems = "\n".join(audit_run(run).problems)
    assert "level-02: weights.safetensors is missing" in problems
    assert "level-01: the whole level is missing" in problems
    assert "level-00/dissection/layer2 (scores): units.parquet is missing" in problems


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("replicate-0/rewind", "replicate-0/rewind/weights.safetensors"),
        *("replicate-0/level-00/manifest.json", "replicate-0/lottery/level-02"),
        "replicate-0/level-00/dissection/layer2",
        "replicate-0/lottery/level-01/dissection/layer3/manifest.json",
        *("tables/levels.csv", "figures", "report/index.html"),
    ],
)
def test_an_audit_names_whatever_status_names(run: Path, name: str) -> None:
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    named = {problem.partition(":")[0] for problem in audit_run(run).problems}
    flaws = [flaw.partition(" ")[0] for flaw in status(run).damaged]
    assert flaws
    for flaw in flaws:
        assert any(f"{flaw}/".startswith(f"{place}/") for place in named), flaw


@pytest.mark.long
def test_an_audit_of_a_run_without_dissections_names_each(run: Path) -> None:
    shutil.rmtree(run / "replicate-0/level-00/dissection")
    assert audit_run(run).missing == tuple(
        f"replicate-0/level-00/dissection/{layer}: all of it is missing; the same run makes it "
        "again"
        for layer in ("layer2", "layer3")
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "replicate-0/rewind/weights.safetensors",
        "replicate-0/lottery/level-01/weights.safetensors",
        "replicate-0/lottery/level-01/history.csv",
        "replicate-0/level-00/dissection/layer3/examples.parquet",
        "report/index.html",
    ],
)
def test_an_audit_finds_a_changed_byte_in_any_file(run: Path, name: str) -> None:
    flip_last_byte(run / name)
    place, _, file = name.rpartition("/")
    assert f"{place}: {file} is damaged (its checksum" in "\n".join(audit_run(run).problems)


def test_changed_weights_of_a_level_are_refused_wherever_they_are_read(
    finished: Path, run: Path
) -> None:
    level = run / "replicate-0/lottery/level-01"
    flip_last_byte(level / "weights.safetensors")
    for read in (
        audit,
        load_network,
        lambda path: prune_saved(path, PruneSettings(keep=0.5), weights=None),
        lambda path: Level.load(path).network,
    ):
        with pytest.raises(DataError, match=r"weights\.safetensors is missing or damaged"):
            read(str(level))
    mask = level / "mask.safetensors"
    shutil.copytree(finished, run, dirs_exist_ok=True)
    flip_last_byte(mask)
    for read in (
        audit,
        lambda path: prune_saved(path, PruneSettings(keep=0.5), weights=None),
        lambda p: Level.load(p).mask,
    ):
        with pytest.raises(DataError, match=r"mask\.safetensors is missing or damaged"):
            read(str(level))


@pytest.mark.parametrize(
    "place",
    [
        *("", "replicate-0", "replicate-0/level-00", "replicate-0/lottery/level-01"),
        *("replicate-0/level-00/dissection", "replicate-0/level-00/dissection/layer3"),
    ],
)
def test_no_part_of_a_run_takes_draws_of_its_own(finished: Path, place: str) -> None:
    with pytest.raises(ConfigError, match=r"belongs to a run: change dissection\.null"):
        draw_more(finished / place, "scenes", 3)


def flip_last_byte(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
