"""Where is kept what can be made again, and who makes it?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prunescope.base.errors import ConfigError


def cache_folder() -> Path:
    """Return where the user keeps what can be made again.

    That is $PRUNESCOPE_CACHE, else $XDG_CACHE_HOME/prunescope, else ~/.cache/prunescope.
    """
    if own := os.environ.get("PRUNESCOPE_CACHE"):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "prunescope"


@contextmanager
def turn_to_make(path: Path, what: str) -> Iterator[None]:
    """Hold the one right to make something in the cache, waiting for it if need be.

    what: its name in the message of the ConfigError where the cache cannot be written.
    """
    import fcntl

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be kept in {path.parent} ({error.strerror}): "
            "set PRUNESCOPE_CACHE to a folder that can be written"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
