"""How is a JSON object read from a file, whoever may have touched it since?"""

import json
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import on_one_line


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise DataError(f"{path} cannot be read: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {in_a_line(error)}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object")
    return values


def in_a_line(error: BaseException) -> str:
    """Return what a library says of a damaged file, in one short line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "integer string conversion" in text:  # which goes on with advice for programmers
        return "a number in it has too many digits"
    return on_one_line(" ".join(text.split())[:200])
