"""How do numbers and tables read on a terminal?"""

import unicodedata
from collections.abc import Sequence

_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SPELLED_WITH_A_VOWEL = set("AEFHILMNORSX")


def align(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as a table: the first column to the left, the others to the right."""
    rows = [[on_one_line(cell) for cell in row] for row in rows]
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


def written(value: object, longest: int = 80) -> str:
    """Return a value as Python writes it, on one line and shortened, whatever it is."""
    try:
        return on_one_line(shortened(repr(value), longest))
    except ValueError:  # Python refuses to write an integer of more than 4,300 digits
        return f"{a_kind(value)} of too many digits"


def printable(text: str) -> str:
    """Return a text in which nothing moves the cursor, colours, or changes the direction of text.

    Control characters but line feeds, and marks of direction, stand as escapes (`\\x1b`), as do
    the bytes of a path that is not UTF-8 (`\\xff`).
    """
    if text.isprintable():  # which none of these is
        return text
    return "".join(c if c == "\n" or not _acts(c) else _escape(c) for c in text)


def printed(value: object) -> object:
    """Return what a page shows: a text as `printable` does, and anything else as it is."""
    return printable(value) if type(value) is str else value


def on_one_line(text: str) -> str:
    """Return a name as `printable` does, its line ends as escapes, too."""
    return printable(text).replace("\n", r"\n")


def _acts(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python reads a byte of a path that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def belong(names: Sequence[str]) -> str:
    """Return `a belongs`, or `a and b belong`."""
    return f"{' and '.join(names)} {agreeing(len(names), 'belongs', 'belong')}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: "1 image", "2,000 images".

    plural: the noun's, where it is not the noun with an s.
    """
    return f"{number:,} {agreeing(number, noun, plural or noun + 's')}"


def first_of(names: Sequence[str], most: int = 20) -> str:
    """Return the first of some names and how many more there are; "none" where there are none."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def agreeing(number: int, singular: str, plural: str) -> str:
    """Return the word that agrees with a number: the singular with 1."""
    return singular if number == 1 else plural


def with_article(noun: str) -> str:
    """Write a noun, mostly a class's name, with its article as spoken: "an int", "an LSTM".

    A word in u is taken to begin as "you", and capitals are spelled.
    """
    spelled = len(noun) > 1 and noun[:2].isupper()
    vowel = noun[:1] in _SPELLED_WITH_A_VOWEL if spelled else noun[:1].lower() in set("aeio")
    return f"{'an' if vowel else 'a'} {noun}"


def a_kind(value: object) -> str:
    """Write the class of a value with its article: "a list", "an OrderedDict"."""
    return with_article(type(value).__name__)
