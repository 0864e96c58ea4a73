"""How do numbers and tables read on a terminal?"""

from collections.abc import Sequence


def align(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def number(count: int | None) -> str:
    """Write a count with its thousands apart; a dash for one that is not known."""
    return "-" if count is None else f"{count:,}"


def percent(share: float | None) -> str:
    """Write a share in percent; a dash for one that is not known."""
    return "-" if share is None else f"{100 * share:.2f} %"


def shortened(text: str, longest: int = 80) -> str:
    """Return a text cut to a length, with an ellipsis where something is missing."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
