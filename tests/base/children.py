"""What do other processes do in these tests?"""

import sys
import time
from pathlib import Path

from prunescope.results.store import Store


def write_until_killed(root: Path) -> None:
    """Be the writer of a run folder, leave a sign, and stay."""
    store = Store(root)
    store.create()
    with store.writing():
        (root / "study.yaml").touch()
        (root / "writing").touch()
        time.sleep(600)


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]))
