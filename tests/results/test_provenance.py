"""Is it recorded on what a run was made, and told when that changed?"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prunescope
from prunescope.base.errors import StoreError
from prunescope.results import provenance as module
from prunescope.results.artifacts import Artifact
from prunescope.results.provenance import PROVENANCE, Provenance, environment

SEEDS = {"init": 5, "order": 6, "augmentation": 7}
HERE: dict[str, Any] = {
    "started": "2026-01-01T00:00:00+0000",
    "command": ["prunescope", "run"],
    "prunescope": "0.1.0",
    "commit": None,
    "packages": {"torch": "2.6.0", "numpy": "2.0.0"},
    "host": "here",
    "machine": "Linux x86_64, a processor",
    "gpu": None,
}


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that begins another invocation in an environment that differs."""

    def begin(threads: int = 2, **changes: Any) -> list[str]:
        monkeypatch.setattr(module, "environment", lambda: HERE | changes)
        return Provenance(tmp_path).begin({"replicate-0": SEEDS}, threads=threads, workers=2)

    return begin


def test_the_first_invocation_differs_from_none(invoke):
    assert invoke() == []


def test_what_may_change_bits_is_told_one_by_one(invoke):
    invoke()
    assert invoke(packages={"torch": "2.7.0", "numpy": "2.0.0"}) == ["torch was 2.6.0, is 2.7.0"]
    assert invoke(packages={"torch": "2.7.0", "numpy": "2.0.0"}) == []
    assert invoke(threads=1, gpu="H200", packages={"torch": "2.7.0", "numpy": None}) == [
        "threads was 2, is 1",
        "gpu was None, is H200",
        "numpy was 2.0.0, is None",
    ]
    assert invoke(commit="abc", prunescope="0.2.0", machine="mac")[:3] == [
        "prunescope was 0.1.0, is 0.2.0",
        "commit was None, is abc",
        "machine was Linux x86_64, a processor, is mac",
    ]


def test_what_changes_no_bit_is_not_told(invoke):
    invoke()
    assert invoke(started="later", command=["prunescope", "report"], host="there") == []


def test_every_invocation_and_artifact_stays_on_record(invoke, tmp_path: Path):
    invoke()
    Provenance(tmp_path).finished(
        Artifact(path="level-00", key="k"), kind="level", seconds=1.234, cost=10.0, resumed=False
    )
    invoke(host="there")
    Provenance(tmp_path).finished(
        Artifact(path="level-01", key="l"), kind="level", seconds=3, cost=30, resumed=False
    )
    record = json.loads((tmp_path / PROVENANCE).read_text())
    assert [invocation["host"] for invocation in record["invocations"]] == ["here", "there"]
    assert record["invocations"][0]["seeds"] == {"replicate-0": SEEDS}
    assert record["artifacts"] == {
        "level-00": {
            "key": "k",
            "kind": "level",
            "seconds": 1.23,
            "cost": 10,
            "resumed": False,
            "invocation": 0,
        },
        "level-01": {
            "key": "l",
            "kind": "level",
            "seconds": 3,
            "cost": 30,
            "resumed": False,
            "invocation": 1,
        },
    }


def test_what_a_run_is_made_from_stays_on_record_and_may_be_missing_in_an_old_one(
    invoke, tmp_path: Path
):
    (tmp_path / PROVENANCE).write_text('{"invocations": [], "artifacts": {}}')
    assert Provenance(tmp_path).sources == {}
    Provenance(tmp_path).remember({"data": {"images": 3}})
    invoke()
    assert Provenance(tmp_path).sources == {"data": {"images": 3}}


def test_the_rate_of_a_kind_is_reckoned_over_all_of_it_that_was_made_in_one_go(
    invoke, tmp_path: Path
):
    invoke()
    record = Provenance(tmp_path)
    for path, kind, seconds, cost in [
        ("a", "level", 10, 100),
        ("b", "level", 30, 100),
        ("c", "dissection", 5, 50),
        ("d", "tables", 1, 0),
    ]:
        artifact = Artifact(path=path, key="k")
        record.finished(artifact, kind=kind, seconds=seconds, cost=cost, resumed=False)
    record.finished(Artifact(path="e", key="k"), kind="level", seconds=1, cost=100, resumed=True)
    assert Provenance(tmp_path).seconds_per_cost() == {"level": 0.2, "dissection": 0.1}


def test_what_failed_is_on_record_until_the_next_invocation(invoke, tmp_path: Path):
    invoke()
    Provenance(tmp_path).failed("level 1", "the loss is nan")
    assert Provenance(tmp_path).failures == {"level 1": "the loss is nan"}
    invoke()
    assert Provenance(tmp_path).failures == {}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"invocations": [', b"\xff\xfe\xff"])
def test_a_damaged_record_is_named_with_what_to_do(tmp_path: Path, content: bytes):
    (tmp_path / PROVENANCE).write_bytes(content)
    with pytest.raises(StoreError, match=r"provenance\.json is damaged .*: remove it to go on"):
        Provenance(tmp_path)


def test_a_record_with_any_byte_changed_is_refused(invoke, tmp_path: Path):
    invoke()
    made = Artifact(path="level-00", key="k")
    Provenance(tmp_path).finished(made, kind="level", seconds=1, cost=10, resumed=False)
    path = tmp_path / PROVENANCE
    written = path.read_bytes()
    name = written.index(b'"checksum"')  # without it, it would be one of an earlier version
    for place in range(0, len(written), 3):
        if written[place : place + 1] == b"\n" or name <= place < name + len('"checksum"'):
            continue
        path.write_bytes(written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :])
        with pytest.raises(StoreError, match="is damaged"):
            Provenance(tmp_path)


def test_a_record_that_is_written_otherwise_but_says_the_same_is_taken(invoke, tmp_path: Path):
    invoke()
    made = Artifact(path="level-00", key="é")
    Provenance(tmp_path).finished(made, kind="level", seconds=1, cost=10, resumed=False)
    path = tmp_path / PROVENANCE
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))  # as earlier versions did
    assert Provenance(tmp_path).has(made)


def test_this_environment_can_be_written_down():
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["torch"]
    assert found["cores"] >= 1
    assert found["memory_gib"] > 0


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_PACKAGES", ("no-such-package",))
    assert environment()["packages"] == {"no-such-package": None}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A git checkout that holds a copy of the package, but does not track it."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    package = Path(prunescope.__file__).parent
    for room in ("base", "report", "results"):
        shutil.copytree(package / room, tmp_path / "prunescope" / room)
    for name in ("__init__.py", "version.py"):
        shutil.copy(package / name, tmp_path / "prunescope")
    (tmp_path / "letters.txt").write_text("dear")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "letters.txt")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a")
    return git(folder, "rev-parse", "HEAD")


def commit_seen_by(folder: Path) -> str:
    code = "from prunescope.results import provenance; print(provenance._commit())"
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


@pytest.mark.long
def test_the_commit_is_that_of_the_package_and_of_no_folder_around_it(copied: Path):
    assert commit_seen_by(copied) == "None"
    git(copied, "add", "prunescope")
    head = commit(copied)
    assert commit_seen_by(copied) == head[:12]
    (copied / "prunescope" / "version.py").write_text("__version__ = '9'\n")
    assert commit_seen_by(copied) == f"{head[:12]}-dirty"
