"""After how many different numbers of replicates was a verdict on a study given?"""

import json
from pathlib import Path

from prunescope.base.errors import DamagedArtifact, DataError
from prunescope.base.files import write_atomically
from prunescope.results.checksums import is_as_written, with_checksum
from prunescope.results.forms import COUNTS, Fields
from prunescope.results.layout import LOOKS
from prunescope.results.reading import read_form

_REPLICATES = "replicates"
_FORM: Fields = {_REPLICATES: COUNTS}


def looks_of(run: Path) -> list[int]:
    """Return the numbers of replicates of a run's verdicts, in the order in which they were given.

    Raises DamagedArtifact where the file does not hold them any more.
    """
    path = run / LOOKS
    if not path.is_file():
        return []
    try:
        record = read_form(path, _FORM)
        if not is_as_written(record):
            raise DataError("its checksum is not the one in it")
    except DataError as error:
        raise DamagedArtifact(
            f"{path} is damaged ({error}): remove it to go on; then verdicts count from one again"
        ) from None
    return [int(count) for count in record[_REPLICATES]]


def count_look(run: Path, replicates: int) -> int:
    """Record a verdict over so many replicates; return how many there were until then, with it.

    The same number again is no further look.
    """
    looks = looks_of(run)
    if replicates not in looks:
        looks.append(replicates)
        save_looks(run, looks)
    return looks.index(replicates) + 1


def save_looks(run: Path, looks: list[int]) -> None:
    """Write the numbers of replicates of a run's verdicts."""
    text = json.dumps(with_checksum({_REPLICATES: looks}))
    write_atomically(run / LOOKS, text.encode() + b"\n")
