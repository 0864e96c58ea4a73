"""Which study is run, hit and resumed, and which bytes must it end with?"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from faults.warm import Warm
from faults.watching import end, wait_for
from prunescope.concepts.scenery.scene_set import SceneSet
from prunescope.concepts.scenes import draw_scenes
from prunescope.results.layout import MANIFESTS, OUTDATED, WORK
from runs import BESIDE, tiny_recipe

_DEEPEST = 16  # folders; more are those of a link that leads back
SHOWN = ("figures/", "report/")
"""What is drawn from the tables, which takes most of the time of so small a study."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A study as small as can be: two trainings of four steps, each level evaluated and dissected.

    folder: where everything lies; work in it is one process's alone. recipe: the study as YAML.
    finished: its run that nothing happened to. whole: the bytes of that. drawn: with figures and
    page; otherwise it was ended when the tables were there. seconds: until then, at present load.
    """

    warm: Warm
    folder: Path
    recipe: Path
    finished: Path
    whole: dict[str, bytes]
    drawn: bool
    seconds: float


@contextmanager
def world_in(folder: Path, *, drawn: bool = True) -> Iterator[World]:
    """Draw the pictures, run the study once, and keep a process warm.

    drawn: with figures and page, which take most of the time.
    """
    folder.mkdir(parents=True)
    draw_scenes(folder / "set", SceneSet(train=20, val=10, size=32))
    recipe = folder / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(_values(folder / "set")))
    warm = Warm()
    try:
        out = folder / "finished"
        words = ["run", recipe, "--out", out, "--workers", 1]
        begun = time.monotonic()
        command = warm.start(words, folder / "log")
        assert wait_for(lambda: any(out.glob(f"{WORK}/figures*")), 300), command.said
        seconds = time.monotonic() - begun
        if drawn:
            assert command.wait() == 0, command.said
        end(command)
        yield World(
            warm=warm,
            folder=folder,
            recipe=recipe,
            finished=out,
            whole=counted(out, whole=drawn),
            drawn=drawn,
            seconds=seconds,
        )
    finally:
        warm.close()


def _values(pictures: Path) -> dict[str, object]:
    values = tiny_recipe(pictures) | {"replicates": 1, "resampling": {"draws": 20}}
    values["training"] |= {"to": "2ep", "milestones": [], "batch_size": 10}
    values["pruning"] = {"rewind_to": "1it", "strategies": {"lottery": {"levels": 1}}}
    values["dissection"] = {"layers": ["layer3"], "quantile": 0.02, "examples": 2}
    return values


def counted(run: Path, *, whole: bool) -> dict[str, bytes]:
    """Return the files of a run that must not differ, by name.

    Not what was set aside, nor what is unfinished. whole: figures and page, too.
    """
    left_out = (f"{OUTDATED}/", f"{WORK}/", *(() if whole else SHOWN))
    return {
        name: path.read_bytes()
        for name, path in _files(run)
        if not name.startswith(left_out) and name not in BESIDE
    }


def _files(run: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a run with their names, also those that links lead to."""
    for folder, folders, names in os.walk(run, followlinks=True):
        folders[:] = [name for name in folders if len(Path(folder, name).parts) < _DEEPEST]
        for path in (Path(folder, name) for name in names):
            if path.is_file():
                yield path.relative_to(run).as_posix(), path


Made = tuple[str, int, int]
"""The key of an artifact, and its manifest's inode and time, which differ if it is made again."""


def sound_artifacts(run: Path) -> dict[str, Made]:
    """Return the manifests all of whose files are as written."""
    sound = {}
    for name, manifest in _files(run):
        if not manifest.match(MANIFESTS):
            continue
        if not name.startswith((WORK, OUTDATED)) and (key := _key_if_sound(manifest)):
            status = manifest.stat()
            sound[name] = (key, status.st_ino, status.st_mtime_ns)
    return sound


def made_again(before: dict[str, Made], after: dict[str, Made]) -> list[str]:
    """Return the manifests of artifacts that were sound, and were made again under their key."""
    return [
        name
        for name, made in before.items()
        if name in after and after[name][0] == made[0] and after[name] != made
    ]


def _key_if_sound(manifest: Path) -> str:
    """Return the key in a manifest; empty where it, or a file that it names, is damaged."""
    try:
        text = manifest.read_bytes()
        values = json.loads(text)
        stated = values["checksum"]
        plain = json.dumps(values | {"checksum": None}, sort_keys=True, separators=(",", ":"))
        whole = stated == hashlib.sha256(plain.encode()).hexdigest() and all(
            hashlib.sha256((manifest.parent / file).read_bytes()).hexdigest() == digest
            for file, digest in values["files"].items()
        )
        return str(values["key"]) if whole else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


def copy_run(source: Path, target: Path) -> None:
    """Copy a run folder, with its links."""
    shutil.copytree(source, target, symlinks=True)
