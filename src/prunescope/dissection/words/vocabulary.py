"""Which words does a file list?"""

from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import on_one_line, shortened

_FEWEST = 2


def read_words(path: Path) -> tuple[str, ...]:
    """Return the words or phrases of a text file, one a line, without blanks around them.

    Raises DataError, with its line, for an empty line (but after the last word) and for a word that
    is there already, and for a file that is no text or has fewer than two words.
    """
    if not path.exists():
        raise DataError(f"there is no file of words {path}")
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is no text in UTF-8: write a word on each line") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        word = line.strip()
        if not word:
            raise DataError(f"{path}, line {number} is empty: write a word on each line")
        if word in lines:
            raise DataError(
                f'{path}, line {number}: "{on_one_line(shortened(word))}" is on line '
                f"{lines[word]} already: keep one"
            )
        lines[word] = number
    if len(lines) < _FEWEST:
        raise DataError(
            f"{path} has {len(lines) or 'no'} word{'s' * (len(lines) != 1)}, but words compete for "
            f"units: write at least {_FEWEST}"
        )
    return tuple(lines)
