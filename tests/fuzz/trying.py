"""How is a reader tried on thousands of hostile inputs, and what may it make of one?

Whatever it is given, it makes the right thing of it or refuses it with a text that can be read:
never another error, within seconds, and without much memory.
"""

import os
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import printable

Made = TypeVar("Made")

FEW = 12
MANY = int(os.environ.get("PRUNESCOPE_FUZZ_EXAMPLES", "2000"))
"""Inputs of each test in `make soak`."""
_SECONDS = 60  # of wall clock, on a busy machine
_BYTES = 2 << 30  # of memory beside what is in use
_LONGEST = 4_000  # of a message

tried = pytest.mark.parametrize(
    "examples", [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.soak)]
)
"""Runs a test on a few inputs in `make test`, and on many in `make soak`."""


def try_each(
    examples: int,
    inputs: st.SearchStrategy[Any],
    check: Callable[[Any], None],
    failed: Iterable[Any] = (),
) -> None:
    """Check so many inputs, and first those that failed once.

    check: raises AssertionError for an input of which something wrong is made.
    """

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples == FEW,  # the same ones in every `make test`
        phases=(Phase.explicit, Phase.generate),  # to shrink an input may take minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def check_one(given_input: Any) -> None:
        with _bounded():
            check(given_input)

    for each in failed:
        check_one = example(each)(check_one)
    check_one()


def made_of(read: Callable[[], Made]) -> Made | None:
    """Return what a reader makes of its input; None where it refuses it as it should."""
    try:
        return read()
    except (ConfigError, DataError) as error:
        text = printable(str(error))  # as the command line shows it
        assert text.strip(), "it is refused without a word"
        assert len(text) < _LONGEST, text
        assert "Traceback" not in text
        assert "object at 0x" not in text
        return None


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Let a file have another content."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def _bounded() -> Iterator[None]:
    """Have a check fail that takes too long or too much memory."""

    def hangs(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it takes more than {_SECONDS} seconds")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + _BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@st.composite
def mutated(draw: st.DrawFn, whole: bytes, tokens: Sequence[bytes] = (b"\0", b"\xff")) -> bytes:
    """Draw a content with a few parts changed, cut out, repeated, moved or put in.

    tokens: what may be put in, beside single bytes.
    """
    content = whole
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 12)))
        part, head, tail = content[at:end], content[:at], content[end:]
        match draw(st.integers(0, 6)):
            case 0:
                content = head + draw(st.binary(max_size=4)) + tail
            case 1 if part:
                content = head + bytes([part[0] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]
            case 2:
                content = head
            case 3:
                content = head + part * draw(st.integers(2, 9)) + tail
            case 4:
                elsewhere = draw(st.integers(0, len(tail)))
                content = head + tail[:elsewhere] + part + tail[elsewhere:]
            case _:
                content = head + draw(st.sampled_from(list(tokens))) + tail
    return content


HOSTILE_TEXTS = (
    *("", " ", "\t", "\n", "\r\n", "\0", "\x1b[2J", "\u202e", "\u2066", "\u200b", "\ufeff"),
    *("<script>alert(1)</script>", "</script>", "<!--", "]]>", "&amp;", "'\"`", "{{7*7}}", "${x}"),
    *("../x", "/etc/passwd", "C:\\x", "..\\x", "a/b", "nan", "NaN", "inf", "-0", "1e999", "0x10"),
    *(
        "9" * 400,
        "x" * 300,
        "é",
        "e\u0301",
        "ﬁ",
        "漢字",
        "العربية",
        "👩‍👩‍👧",
        "\ud7ff",
        "\U0010ffff",
    ),
    *("=1+1", "@x", "%s%n", "null", "true", "~", "!!python/object:os.system", "&a [*a]", "*a"),
)
"""Texts that have led some program astray."""


def texts() -> st.SearchStrategy[str]:
    """Draw any text that UTF-8 can hold, or one that has led some program astray."""
    utf8 = st.characters(codec="utf-8")
    return st.sampled_from(HOSTILE_TEXTS) | st.text(utf8, max_size=12) | st.text(utf8, max_size=300)
