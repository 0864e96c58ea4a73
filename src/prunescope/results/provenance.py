"""With what, on what and when was a run made? Kept beside the artifacts, never inside them."""

import importlib.metadata
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from prunescope.base.devices import processor_name
from prunescope.base.errors import DamagedArtifact, DataError
from prunescope.base.files import canonical_json, write_atomically
from prunescope.results.artifacts import Artifact
from prunescope.results.checksums import is_text_as_written, text_with_checksum
from prunescope.results.forms import (
    AMOUNT,
    COUNT,
    TEXT,
    TRUTH,
    Each,
    Fields,
    Object,
    Rows,
    read_object,
)
from prunescope.results.layout import PROVENANCE
from prunescope.results.manifest import is_untouched
from prunescope.version import __version__

_PACKAGES = ("torch", "torchvision", "numpy", "pillow", "datasets", "pandas", "pyarrow")
_FORM: Fields = {
    "invocations": Rows(Object({"workers": COUNT.or_absent, "packages": {}})),
    "artifacts": Each(
        Object(
            {
                **{"key": TEXT, "kind": TEXT, "seconds": AMOUNT, "cost": AMOUNT},
                **{"resumed": TRUTH, "invocation": COUNT, "stamp": TEXT.or_absent},
            }
        )
    ),
    "failures": Each(TEXT, may_lack=True),
    "sources": Each(
        Object({"fingerprint": TEXT.or_absent, "images": COUNT.or_absent}), may_lack=True
    ),
}
_DECIDES_BITS = ("prunescope", "commit", "machine", "threads", "processes", "gpu", *_PACKAGES)


class Provenance:
    """The record of a run folder: its invocations, the cost of each artifact, and its sources.

    sources: what is recorded of each source of the run, by name.
    failures: why each stage failed in the last invocation, by its title.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._path = str(root), root / PROVENANCE
        self._invocations: list[dict[str, Any]] = []
        self._artifacts: dict[str, dict[str, Any]] = {}
        self._lines: dict[str, str] = {}  # of artifacts that were written down already
        self.sources: dict[str, dict[str, Any]] = {}
        self.failures: dict[str, str] = {}
        if self._path.is_file():
            try:
                record = read_object(self._path, _FORM)
                if not is_text_as_written(self._path.read_bytes(), record):
                    raise DataError("its checksum is not the one in it")
            except DataError as error:
                raise DamagedArtifact(
                    f"{self._path} is damaged ({error}): remove it to go on"
                ) from None
            self._invocations = record["invocations"]
            self._artifacts = record["artifacts"]
            self.sources = record.get("sources") or {}
            self.failures = record.get("failures") or {}

    @property
    def workers(self) -> int:
        """How many processes the last invocation ran in parallel."""
        return int(self._invocations[-1]["workers"]) if self._invocations else 1

    @property
    def last_place(self) -> tuple[str, str] | None:
        """The host and the folder at which the run was last written; None where nothing says it."""
        last = self._invocations[-1] if self._invocations else {}
        host, folder = last.get("host"), last.get("folder")
        return (host, folder) if isinstance(host, str) and isinstance(folder, str) else None

    def remember(self, sources: dict[str, dict[str, Any]]) -> None:
        """Record the sources of the run."""
        if sources != self.sources:
            self.sources = sources
            self._write()

    def begin(
        self,
        seeds: Mapping[str, Mapping[str, int]],
        *,
        threads: int,
        workers: int,
        processes: int = 1,
    ) -> list[str]:
        """Record this invocation; return what differs from the last and may change results.

        threads: how many each process computes with. workers: processes in parallel. processes:
        that share every training.
        """
        how = {"threads": threads, "workers": workers, "processes": processes}
        now = environment() | how | {"seeds": seeds, "folder": str(self._path.parent.resolve())}
        former = self._invocations[-1] if self._invocations else now
        self._invocations.append(now)
        self.failures = {}
        self._write()
        before, after = _deciding(former), _deciding(now)
        return [
            f"{name} was {before[name]}, is {after[name]}"
            for name in _DECIDES_BITS
            if before[name] != after[name]
        ]

    def finished(
        self,
        artifact: Artifact,
        *,
        kind: str,
        seconds: float,
        cost: float,
        resumed: bool,
        stamp: str = "",
    ) -> None:
        """Record that an artifact was made, and the seconds it took.

        resumed: part of the work was done before, so the seconds do not cover all of it.
        stamp: of its files as they were written, see `stamp_of`.
        """
        self._note(artifact, kind=kind, seconds=seconds, cost=cost, resumed=resumed, stamp=stamp)
        self._write()

    def adopt_found(self, kinds: Mapping[Artifact, str], stamps: Mapping[Artifact, str]) -> None:
        """Record that artifacts of some kinds are finished; nobody knows how long they took.

        stamps: of their files, see `stamp_of`.
        """
        for artifact, kind in kinds.items():
            stamp = stamps[artifact]
            self._note(artifact, kind=kind, seconds=0.0, cost=0.0, resumed=True, stamp=stamp)
        self._write()

    def is_untouched(self, artifact: Artifact) -> bool:
        """Return whether an artifact is as it was when it was last seen whole, under its key.

        No file of it is read: the system says whether one was written since.
        """
        entry = self._artifacts.get(artifact.title, {})
        return entry.get("key") == artifact.key and is_untouched(
            f"{self._root}/{artifact.path}", entry.get("stamp", "")
        )

    def seen_whole(self, stamps: Mapping[str, str]) -> None:
        """Record the stamps of artifacts, by title, whose files were compared with checksums."""
        for title, stamp in stamps.items():
            if title in self._artifacts:
                self._record(title, self._artifacts[title] | {"stamp": stamp})
        if stamps:
            self._write()

    def adopt(self, other: "Provenance", titles: Collection[str]) -> None:
        """Add the records of another run's artifacts and invocations."""
        before = len(self._invocations)
        self._invocations += other._invocations
        for title, entry in other._artifacts.items():
            if title in titles:
                self._record(title, entry | {"invocation": entry["invocation"] + before})
        self.sources = self.sources or other.sources
        self._write()

    def failed(self, title: str, why: str) -> None:
        """Record that a stage could not be made."""
        self.failures[title] = why
        self._write()

    @property
    def finished_keys(self) -> dict[str, str]:
        """The key under which each artifact was last finished, by its title."""
        return {title: str(entry["key"]) for title, entry in self._artifacts.items()}

    def has(self, artifact: Artifact) -> bool:
        """Return whether an artifact was last finished under its key."""
        entry = self._artifacts.get(artifact.title)
        return isinstance(entry, dict) and entry.get("key") == artifact.key

    def seconds_per_cost(self) -> dict[str, float]:
        """Return the seconds per unit of cost for each kind of artifact made here."""
        seconds: dict[str, float] = {}
        costs: dict[str, float] = {}
        for entry in self._artifacts.values():
            if entry["resumed"]:
                continue
            kind = entry["kind"]
            seconds[kind] = seconds.get(kind, 0.0) + entry["seconds"]
            costs[kind] = costs.get(kind, 0.0) + entry["cost"]
        return {kind: seconds[kind] / costs[kind] for kind in seconds if costs[kind] > 0}

    def _note(
        self,
        artifact: Artifact,
        *,
        kind: str,
        seconds: float,
        cost: float,
        resumed: bool,
        stamp: str,
    ) -> None:
        entry = {
            "key": artifact.key,
            "kind": kind,
            "seconds": round(seconds, 2),
            "cost": cost,
            "resumed": resumed,
            "invocation": max(0, len(self._invocations) - 1),
            **({"stamp": stamp} if stamp else {}),
        }
        self._record(artifact.title, entry)

    def _record(self, title: str, entry: dict[str, Any]) -> None:
        self._artifacts[title] = entry
        self._lines.pop(title, None)

    def _write(self) -> None:
        """Write all that is on record, of which only the artifacts that changed are encoded."""
        for title in self._artifacts.keys() - self._lines.keys():
            self._lines[title] = f"{json.dumps(title)}:{canonical_json(self._artifacts[title])}"
        artifacts = ",\n".join(self._lines[title] for title in sorted(self._lines))
        values = {
            "artifacts": f"{{\n{artifacts}\n}}" if artifacts else "{}",
            "failures": canonical_json(self.failures),
            "invocations": canonical_json(self._invocations),
            "sources": canonical_json(self.sources),
        }
        write_atomically(self._path, text_with_checksum(values))


def environment() -> dict[str, Any]:
    """Return the versions, the command and the hardware of this process."""
    import torch

    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "prunescope": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "host": socket.gethostname(),
        "machine": f"{platform.system()} {platform.machine()}, {processor_name()}",
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _deciding(invocation: dict[str, Any]) -> dict[str, Any]:
    stated = {"processes": 1} | invocation | invocation.get("packages", {})
    return {name: stated.get(name) for name in _DECIDES_BITS}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the checkout this package runs from, if it runs from one."""
    folder = Path(__file__).parent
    if not _git(folder, "ls-files", Path(__file__).name):
        return None
    return _git(folder, "describe", "--always", "--dirty", "--abbrev=12") or None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
