"""How does a user share a result on the Hugging Face Hub, and fetch one from there?"""

import re
import shutil
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import canonical_json, hash_file
from prunescope.base.folders import replacing
from prunescope.base.paths import require_place
from prunescope.base.text import counted
from prunescope.experiment.hub.card import write_card
from prunescope.experiment.hub.kinds import KINDS, Kind
from prunescope.experiment.hub.shared import (
    CARD,
    RECORD,
    check_shared,
    find_shared,
    name_of,
)
from prunescope.experiment.hub.transfer import fetch_all, fetch_file, resolve, send
from prunescope.results.checksums import FILES, checksums_of, is_as_written, with_checksum
from prunescope.results.forms import TEXT, Each, read_object
from prunescope.version import __version__

_OF_THE_CLIENT = ".cache"  # where the Hub's client keeps what it knows of a folder
_LEAVES = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.{0,2}([/\\]|$)")


def push(
    place: Path | str, repository: str, *, kind: Kind | None = None, private: bool = False
) -> str:
    """Share a result on the Hugging Face Hub, as the command `push` does; return its URL.

    place: the folder of a dissection, a level of a run, a `.safetensors` file of weights, or a
        concept set in the layout of `masks:` or `broden:`.
    repository: "NAMESPACE/NAME"; it is made if it is not there. private: whether a new one is.
    kind: "dissection", "weights" or "concepts"; of a level its weights, unless you say otherwise.
    Every file is compared with its checksum first. All go in one commit, with a card that is
    written from them, and a record of their checksums. Raises ConfigError or DataError for what
    cannot be shared, and where nobody is logged in; DownloadError without a network.
    """
    _check_repository(repository)
    shared = find_shared(str(place), kind)
    root = shared.root if shared.root.is_dir() else shared.root.parent
    record = {
        "kind": shared.kind,
        "prunescope": __version__,
        FILES: checksums_of(root, shared.files.values()),
    }
    files: dict[str, Path | bytes] = {
        **shared.files,
        CARD: write_card(shared, repository).encode(),
        RECORD: canonical_json(with_checksum(record)).encode() + b"\n",
    }
    return send(
        repository,
        shared.repo_type,
        files,
        private=private,
        message=f"Share {shared.kind} with Prunescope {__version__}",
    )


def pull(repository: str, out: Path | str, *, revision: str | None = None) -> str:
    """Fetch what `push` shared into a new folder; return how commands name it.

    repository: "NAMESPACE/NAME" on the Hugging Face Hub. out: it appears when it is complete.
    revision: a branch, a tag or a commit; the newest when None.
    Every file is compared with the checksum with which it was shared, and what came is opened once.
    Raises ConfigError for what is not there, DataError for what is damaged, DownloadError without a
    network.
    """
    _check_repository(repository)
    place = Path(out)
    require_place(place)
    if place.exists() and any(place.iterdir()):
        raise ConfigError(f"{place} is not empty: give a folder of its own as --out")
    with replacing(place) as draft:
        repo_type, commit = resolve(repository, revision)
        record = read_object(
            fetch_file(repository, repo_type, commit, RECORD, draft),
            {"kind": TEXT, FILES: Each(TEXT)},
        )
        kind, files = record["kind"], record[FILES]
        if not is_as_written(record) or kind not in KINDS or any(map(_LEAVES.search, files)):
            raise DataError(f"{repository}: {RECORD} is damaged: share it again")
        fetch_all(repository, repo_type, commit, draft)
        shutil.rmtree(draft / _OF_THE_CLIENT, ignore_errors=True)
        _keep_recorded(draft, files, repository)
        check_shared(kind, draft)
    return name_of(kind, place)


def _keep_recorded(folder: Path, files: dict[str, str], repository: str) -> None:
    """Remove all but what was shared, and the card. Raises DataError for what was changed."""
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in files and name not in (CARD, RECORD):
            path.unlink()
    lost = [name for name in files if not (folder / name).is_file()]
    changed = [name for name in files if name not in lost]
    changed = [name for name in changed if hash_file(folder / name) != files[name]]
    for names, fault in ((lost, "missing"), (changed, "not as it was shared")):
        if names:
            more = f" (and {counted(len(names) - 1, 'other file')})" if len(names) > 1 else ""
            raise DataError(f"{repository}: {names[0]}{more} is {fault}: share it again")


def _check_repository(name: str) -> None:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(name), re.ASCII):
        raise ConfigError(
            f'"{name}" is no name on the Hugging Face Hub: give NAMESPACE/NAME, your name there or '
            "an organisation's, and the repository's"
        )
