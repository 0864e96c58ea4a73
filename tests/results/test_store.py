"""Are artifacts whole, verified, set aside when outdated, and brought back?"""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from prunescope.base.errors import StoreError
from prunescope.results.artifacts import Artifact
from prunescope.results.manifest import flaws_of
from prunescope.results.outdated import find_outdated
from prunescope.results.store import Store

REWIND = Artifact(path="replicate-0/rewind", key="1" * 64)
LEVEL = Artifact(path="replicate-0/level-00", key="2" * 64)
DISSECTION = Artifact(path="replicate-0/level-00/dissection/layer4", key="3" * 64)
REPORT = Artifact(path="report", key="4" * 64, derived=True)
PLAN = [REWIND, LEVEL, DISSECTION, REPORT]


def changed(artifact: Artifact) -> Artifact:
    return replace(artifact, key="f" + artifact.key[1:])


def aside(artifact: Artifact) -> str:
    return f"outdated/{artifact.path.replace('/', '+')}.{artifact.key[:16]}"


def make(store: Store, artifact: Artifact) -> None:
    with store.making(artifact, kind="test") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text(f"a of {artifact.path} {artifact.key}")
        (folder / "b.txt").write_text("b")


def make_all(store: Store, plan: list[Artifact]) -> None:
    store.tidy(plan)
    for artifact in plan:
        if not store.has(artifact):
            make(store, artifact)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "run")
    store.create()
    return store


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_what_was_not_made_is_not_there(store: Store):
    assert not store.has(LEVEL)
    with pytest.raises(StoreError, match="level-00 is not there in the form this study needs"):
        store.folder(LEVEL)


def test_what_was_made_is_there_with_its_files_and_nothing_beside_it(store: Store):
    make(store, LEVEL)
    assert store.has(LEVEL)
    assert store.folder(LEVEL) == store.root / LEVEL.path
    assert set(contents(store.root)) == {
        f"{LEVEL.path}/{name}" for name in ("inner/a.txt", "b.txt", "manifest.json")
    }
    manifest = json.loads((store.root / LEVEL.path / "manifest.json").read_text())
    assert manifest["key"] == LEVEL.key
    assert manifest["kind"] == "test"
    assert set(manifest["files"]) == {"inner/a.txt", "b.txt"}


def test_another_key_is_another_artifact(store: Store):
    make(store, LEVEL)
    assert not store.has(changed(LEVEL))
    with pytest.raises(StoreError, match="not there in the form"):
        store.folder(changed(LEVEL))


def test_nothing_is_seen_of_an_artifact_in_the_making(store: Store):
    with store.making(LEVEL, kind="test") as folder:
        (folder / "b.txt").write_text("b")
        assert not (store.root / LEVEL.path).exists()
    assert store.has(LEVEL)


def test_a_failed_attempt_leaves_its_checkpoint_alone(store: Store):
    checkpoint = store.workplace(LEVEL) / "checkpoint"
    checkpoint.write_text("step 5")

    def fail() -> None:
        with store.making(LEVEL, kind="test") as folder:
            (folder / "half").write_text("ha")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [path for path in store.root.rglob("*") if path.is_file()] == [checkpoint]
    make(store, LEVEL)
    assert "half" not in {path.name for path in store.folder(LEVEL).iterdir()}
    assert not checkpoint.exists()


def test_what_a_killed_attempt_left_does_not_get_into_the_next(store: Store):
    workplace = store.workplace(LEVEL)
    left = workplace.with_name(f"{workplace.name}.7-dead") / "inner"
    left.mkdir(parents=True)
    (left / "stray.txt").write_text("stray")
    make(store, LEVEL)
    assert not (store.folder(LEVEL) / "inner" / "stray.txt").exists()
    store.tidy([LEVEL])
    assert not left.exists()


EARLY = """
import sys
from pathlib import Path
from prunescope.results.artifacts import Artifact
from prunescope.results.store import Store

artifact = Artifact(path=sys.argv[2], key=sys.argv[3])
with Store(Path(sys.argv[1])).making(artifact, kind="test") as folder:
    (folder / "early.txt").write_text("early")
"""


def test_of_two_processes_that_make_the_same_the_first_to_finish_counts(store: Store):
    with store.making(LEVEL, kind="test") as late:
        (late / "late.txt").write_text("late")
        words = [sys.executable, "-c", EARLY, str(store.root), LEVEL.path, LEVEL.key]
        subprocess.run(words, check=True)
        make(store, DISSECTION)
    assert (store.folder(LEVEL) / "early.txt").exists()
    assert not (store.root / LEVEL.path / "late.txt").exists()
    assert store.has(DISSECTION)
    assert list((store.root / ".work").iterdir()) == []


@pytest.mark.parametrize("name", ["b.txt", "inner/a.txt"])
def test_a_flipped_bit_is_found_and_named(store: Store, name: str):
    make(store, LEVEL)
    path = store.root / LEVEL.path / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=rf"{name} is missing or damaged .*: remove it, if"):
        store.folder(LEVEL)


@pytest.mark.parametrize("name", ["b.txt", "inner/a.txt"])
def test_a_missing_file_is_found_and_named(store: Store, name: str):
    make(store, LEVEL)
    (store.root / LEVEL.path / name).unlink()
    with pytest.raises(StoreError, match=rf"{name} is missing or damaged .*: remove it, if"):
        store.folder(LEVEL)


def test_a_manifest_with_any_byte_flipped_never_vouches_for_other_files(store: Store):
    make(store, LEVEL)
    path = store.root / LEVEL.path / "manifest.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 128 if position % 3 == 0 else 1
        path.write_bytes(damaged)
        try:
            store.folder(LEVEL)
        except StoreError:
            continue
        read, written = json.loads(damaged), json.loads(whole)
        assert (read["key"], read["files"]) == (written["key"], written["files"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"key":"x","files":3}',
        b'{"key":"x","files":{},"sizes":{"a":"b"}}',
        b'{"key":"x","files":{"a":1}}',
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_an_artifact_with_a_damaged_manifest_is_damaged_and_made_again(
    store: Store, content: bytes
):
    make(store, LEVEL)
    (store.root / LEVEL.path / "manifest.json").write_bytes(content)
    assert not store.has(LEVEL)
    assert store.loss(LEVEL) == "has a damaged manifest.json"
    assert flaws_of(store.root / LEVEL.path) == ["manifest.json is damaged"]
    with pytest.raises(StoreError, match="not there in the form"):
        store.folder(LEVEL)
    with pytest.raises(StoreError, match=r"in the way.*no readable manifest\.json"):
        store.tidy([LEVEL])
    store.reclaim(LEVEL)
    make(store, LEVEL)
    assert store.has(LEVEL)


@pytest.mark.parametrize("damaged", ["missing", "damaged", "a folder"])
def test_artifacts_inside_one_that_lost_its_manifest_are_not_made_again(
    store: Store, damaged: str
) -> None:
    evaluation = replace(LEVEL, part="evaluation", key="5" * 64)
    make_all(store, [LEVEL, DISSECTION])
    with store.making(evaluation, kind="test") as folder:
        (folder / "c.txt").write_text("c")
    whole = contents(store.root)
    manifest = store.root / LEVEL.path / "manifest.json"
    manifest.write_text("{") if damaged == "damaged" else manifest.unlink()
    if damaged == "a folder":
        (manifest / "inner").mkdir(parents=True)
    for _ in range(2):  # as after a kill
        store.reclaim(LEVEL)
        store.tidy([LEVEL, evaluation, DISSECTION])
        assert store.has(evaluation)
        assert store.has(DISSECTION)
        assert not store.has(LEVEL)
    make(store, LEVEL)
    store.folder(evaluation)
    store.folder(DISSECTION)
    left = {name: kept for name, kept in contents(store.root).items() if "outdated" not in name}
    assert left == whole


def test_nothing_is_removed_behind_a_link_in_the_place_of_the_folder_of_work(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "precious").write_text("mine")
    (store.root / ".work").symlink_to(tmp_path / "else")
    make_all(store, PLAN)
    store.tidy(PLAN)
    assert contents(tmp_path / "else") == {"precious": b"mine"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_whatever_stands_in_the_folder_of_work_is_made_way_for(store: Store, kind: str) -> None:
    place = store.place_of_work(LEVEL)
    place.parent.mkdir()
    for path in (place, place / "new", place.parent / "trash"):
        path.write_text("stray") if kind == "file" else path.symlink_to("nowhere")
        make(store, LEVEL)
        store.tidy(PLAN)
        place.mkdir(exist_ok=True)
    assert list(place.iterdir()) == []


def test_artifacts_of_one_key_at_two_places_do_not_share_a_workplace(store: Store):
    twin = Artifact(path="replicate-0/other/level-00", key=LEVEL.key)
    (store.workplace(LEVEL) / "checkpoint").write_text("mine")
    make(store, twin)
    assert (store.workplace(LEVEL) / "checkpoint").read_text() == "mine"


def test_a_level_under_new_settings_takes_its_dissection_aside_and_back(store: Store):
    make_all(store, PLAN)
    before = contents(store.root)
    other = [REWIND, changed(LEVEL), changed(DISSECTION), changed(REPORT)]
    store.tidy(other)
    assert [store.has(artifact) for artifact in other] == [True, False, False, False]
    make_all(store, other)
    assert all(store.folder(artifact).is_dir() for artifact in other)
    store.tidy(PLAN)
    assert [store.has(artifact) for artifact in PLAN] == [True, True, True, False]
    make_all(store, PLAN)
    after = contents(store.root)
    assert {name: after[name] for name in after if not name.startswith("outdated/")} == before
    assert all(store.folder(artifact).is_dir() for artifact in PLAN)


def test_a_dissection_under_new_settings_leaves_its_level_in_place(store: Store):
    make_all(store, PLAN)
    other = [REWIND, LEVEL, changed(DISSECTION), changed(REPORT)]
    make_all(store, other)
    assert find_outdated(store.root, other) == [aside(DISSECTION)]
    store.tidy(PLAN)
    assert store.folder(DISSECTION).is_dir()
    assert find_outdated(store.root, PLAN) == [aside(changed(DISSECTION))]


def test_a_dissection_does_not_come_back_before_its_level(store: Store):
    make_all(store, PLAN)
    make_all(store, [REWIND, LEVEL, changed(DISSECTION), REPORT])
    shutil.rmtree(store.root / LEVEL.path)
    store.tidy(PLAN)
    assert not (store.root / LEVEL.path).exists()
    make(store, LEVEL)
    store.tidy(PLAN)
    assert store.folder(DISSECTION).is_dir()


def test_a_layer_that_is_no_longer_asked_for_goes_with_its_level(store: Store):
    make_all(store, PLAN)
    other = [REWIND, changed(LEVEL)]
    make_all(store, other)
    assert not (store.root / DISSECTION.path).exists()
    make_all(store, PLAN)
    assert store.folder(DISSECTION).is_dir()


def test_a_level_that_comes_back_with_another_dissection_gets_its_own_back(store: Store):
    """Level a is dissected one way, then another; level b comes, and a with its first again."""
    other_level = replace(LEVEL, key="e" * 64)
    others = [REWIND, other_level, replace(DISSECTION, key="d" * 64), REPORT]
    make_all(store, PLAN)
    before = contents(store.root)
    make_all(store, [REWIND, LEVEL, changed(DISSECTION), REPORT])
    make_all(store, others)
    make_all(store, PLAN)
    after = contents(store.root)
    assert {name: after[name] for name in after if not name.startswith("outdated/")} == before
    assert find_outdated(store.root, PLAN) == sorted(
        [aside(changed(DISSECTION)), aside(other_level)]
    )


def test_results_stay_until_new_ones_take_their_place_and_are_not_kept(store: Store):
    make_all(store, [REPORT])
    other = changed(REPORT)
    store.tidy([other])
    assert (store.root / "report" / "b.txt").exists()
    assert not store.has(other)
    assert find_outdated(store.root, [other]) == []
    make(store, other)
    assert store.has(other)
    assert not (store.root / "outdated").exists()


def test_what_an_artifact_is_outdated_with_goes_without_saying(store: Store):
    make_all(store, PLAN)
    assert find_outdated(store.root, PLAN) == []
    assert find_outdated(store.root, [REWIND, LEVEL]) == [DISSECTION.path, "report"]
    assert find_outdated(store.root, [REWIND]) == [LEVEL.path, "report"]
    store.tidy([REWIND, changed(LEVEL)])
    assert find_outdated(store.root, [REWIND]) == [aside(LEVEL), "report"]


def test_what_killed_processes_left_is_removed_but_for_checkpoints_still_wanted(store: Store):
    make(store, REWIND)
    for artifact in (REWIND, LEVEL, changed(LEVEL)):
        (store.workplace(artifact) / "checkpoint").write_text(artifact.key)
    (store.root / ".study.yaml.123.tmp").write_text("na")
    (store.root / ".work" / "trash.77").mkdir()
    store.tidy([REWIND, LEVEL])
    left = {path.name: path.read_text() for path in store.root.rglob("*") if path.is_file()}
    assert left.pop("checkpoint") == LEVEL.key
    assert set(left) == {"a.txt", "b.txt", "manifest.json"}
    assert len(list((store.root / ".work").iterdir())) == 1


def test_what_no_study_made_is_in_the_way_and_stays(store: Store):
    letters = store.root / "replicate-0" / "rewind" / "letters.txt"
    letters.parent.mkdir(parents=True)
    letters.write_text("dear")
    with pytest.raises(StoreError, match=r"rewind is in the way.* move it elsewhere"):
        store.tidy(PLAN)
    with pytest.raises(StoreError, match="in the way"):
        make(store, REWIND)
    assert letters.read_text() == "dear"


FULL_DISK = """
import resource, sys
from pathlib import Path
from prunescope.base.files import write_atomically
from prunescope.results.artifacts import Artifact
from prunescope.results.store import Store

store = Store(Path(sys.argv[1]))
store.create()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
with store.making(Artifact(path="level", key="k"), kind="test") as folder:
    write_atomically(folder / "small", bytes(1_000))
    write_atomically(folder / "large", bytes(100_000))
"""


def test_a_full_disk_leaves_nothing_half_written_and_is_told_with_the_name(tmp_path: Path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "run")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "StoreError" in answer.stderr
    assert "/large cannot be written: File too large" in answer.stderr
    assert contents(tmp_path) == {}


def test_an_artifact_that_lost_a_file_is_not_finished_and_says_which(store: Store) -> None:
    make_all(store, PLAN)
    whole = contents(store.root)
    (store.root / LEVEL.path / "b.txt").unlink()
    (store.root / LEVEL.path / "inner" / "a.txt").write_text("")
    assert not store.has(LEVEL)
    assert store.has(DISSECTION)
    size = len(f"a of {LEVEL.path} {LEVEL.key}")
    assert sorted(store.flaws(LEVEL)) == [
        f"{LEVEL.path}/b.txt is missing",
        f"{LEVEL.path}/inner/a.txt has 0 bytes, but had {size}",
    ]
    make_all(store, PLAN)
    assert contents(store.root) == whole


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_what_takes_the_place_of_a_file_does_not_pass_for_it(store: Store, kind: str) -> None:
    make_all(store, PLAN)
    whole = contents(store.root)
    file = store.root / LEVEL.path / "b.txt"
    file.unlink()
    file.mkdir() if kind == "folder" else file.symlink_to("nowhere")
    assert store.flaws(LEVEL) == [f"{LEVEL.path}/b.txt is no file any more"]
    make_all(store, PLAN)
    assert contents(store.root) == whole


def test_a_manifest_without_sizes_asks_only_that_files_are_there(store: Store) -> None:
    make_all(store, PLAN)
    path = store.root / LEVEL.path / "manifest.json"
    values = json.loads(path.read_text())
    del values["sizes"], values["checksum"]  # as an earlier version wrote it
    path.write_text(json.dumps(values))
    assert store.has(LEVEL)
    (store.root / LEVEL.path / "b.txt").unlink()
    assert not store.has(LEVEL)
