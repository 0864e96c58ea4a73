"""What does a command say that is told to stop?"""

import os
import sys
from contextlib import suppress

from prunescope.base.ranks import is_first

_RESUMING = (("run",), ("demo",), ("concepts", "download"))


def say_stopped() -> None:
    """Say on standard error, as the last line, how to go on; of several processes, the first."""
    if not is_first():
        return
    goes_on = any(words == tuple(sys.argv[1 : 1 + len(words)]) for words in _RESUMING)
    how = "goes on from what is finished" if goes_on else "begins again; nothing is half-written"
    text = f"prunescope: stopped; the same command {how}\n"
    with suppress(OSError):  # of a terminal that is gone
        os.write(sys.stderr.fileno(), text.encode())


def say_ended() -> None:
    """Say the same where the command did not end by itself."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # bars hide the cursor
    say_stopped()
