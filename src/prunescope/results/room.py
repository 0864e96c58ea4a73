"""May a dissection be saved in a folder, or is something else there?"""

from pathlib import Path

from prunescope.base.errors import ConfigError
from prunescope.base.folders import drafting
from prunescope.results.kinds import is_page
from prunescope.results.layout import COUNTS, LAYERS, OF_A_LAYER, SUMMARY, UNITS


def check_room(folder: Path) -> None:
    """Raise ConfigError where no dissection can be saved, or it would replace something else.

    The folder may hold nothing but a dissection: layers' folders with the files of `save`, and
    its page.
    """
    with drafting(folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{folder} is a file: give a folder as --out")
        for entry in sorted(folder.iterdir()) if folder.exists() else ():
            if entry.name == LAYERS or is_page(entry):
                continue
            files = {path.name for path in entry.iterdir()} if entry.is_dir() else set()
            if not files & {UNITS, COUNTS, SUMMARY} or not files <= OF_A_LAYER:
                other = min(files - OF_A_LAYER, default="")
                raise ConfigError(
                    f"{folder} is not empty and not a dissection (it holds "
                    f"{Path(entry.name, other)}): give another --out"
                )
