"""Does anything else stand where a file or a folder of a run belongs?"""

import os
from collections.abc import Sequence
from pathlib import Path

from prunescope.base.errors import DamagedArtifact, StoreError
from prunescope.results.layout import LOCK, LOOKS, OUTDATED, PROVENANCE, STUDY, WORK


def check_files(root: Path) -> None:
    """Raise DamagedArtifact where something else is in the place of a file beside the artifacts."""
    for path in (root / name for name in (LOCK, STUDY, PROVENANCE, LOOKS)):
        if os.path.lexists(path) and not path.is_file():
            raise DamagedArtifact(
                f"{path} is {_kind(path)}, but must be a file: remove {path} and run the study "
                "again"
            )


def check_folders(root: Path, paths: Sequence[str]) -> None:
    """Raise StoreError where something else stands in the place of a folder that others are in.

    paths: of the artifacts in it, relative to it.
    """
    above = {folder for path in paths for folder in Path(path).parents}
    for folder in sorted(root / each for each in (*above, Path(WORK), Path(OUTDATED))):
        if os.path.lexists(folder) and not folder.is_dir():
            raise StoreError(
                f"{folder} is in the way: it is {_kind(folder)}, but a folder of the study belongs "
                "there; move it elsewhere and run the study again"
            )


def _kind(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    return "a folder" if path.is_dir() else "a file" if path.is_file() else "no file"
