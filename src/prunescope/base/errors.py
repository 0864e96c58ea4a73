"""What can go wrong, and whose turn is it to act?"""

import difflib
from collections.abc import Iterable

from prunescope.base.text import on_one_line


class PrunescopeError(Exception):
    """Anything Prunescope refuses or cannot do; the message is a whole sentence for the user."""


class InputError(PrunescopeError):
    """What the user gave is wrong; the command ends with exit status 2."""


class ConfigError(InputError):
    """A setting, a name or an option is wrong."""


class DataError(InputError):
    """A file or a folder the user gave is missing, damaged or of another form."""


class TrainingDiverged(InputError):
    """The loss is no longer a number under the settings the user gave."""


class StudyIncomplete(PrunescopeError):
    """Some levels of a study could not be made; all others are finished. Exit status 1."""


class ProcessLost(PrunescopeError):
    """Another of the processes that work together has ended; none can go on. Exit status 1."""


class DownloadError(PrunescopeError):
    """A server cannot be reached or does not keep its word; the command ends with status 1."""


class StoreError(PrunescopeError):
    """A run folder cannot be trusted or written; the command ends with exit status 1."""


class DamagedArtifact(StoreError, DataError):
    """A file of a run is not what it was: whoever reads it was given something damaged."""


class RunBusyError(StoreError):
    """Another process is writing to this run folder."""


def nearest(name: str, options: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the closest option, or nothing if none is close."""
    lowered = {option.lower(): option for option in options}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return f' (did you mean "{on_one_line(lowered[close[0]])}"?)' if close else ""


def memory_ran_out(error: BaseException) -> bool:
    """Return whether an error says that there was not enough memory, be it Python's or torch's."""
    words = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(text in str(error) for text in words)


def reason_of(error: BaseException) -> str:
    """Return why something could not be made: a lack of memory in our words, not in torch's."""
    return "there is not enough memory for it" if memory_ran_out(error) else first_line(error)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
