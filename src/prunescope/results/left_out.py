"""Which broken images does a result leave out, and how is that said?"""

from collections.abc import Mapping, Sequence
from typing import Any

from prunescope.base.text import counted, on_one_line, shortened

LEFT_OUT = "left_out"
"""Key of a layer's summary: the broken images that were left out, each with the reason."""
_SHOWN = 3


def names_left_out(summary: Mapping[str, Any]) -> list[str]:
    """Return the paths in the set of the images that a layer's summary says were left out."""
    return [each["image"] for each in summary.get(LEFT_OUT) or ()]


def left_out_text(images: Sequence[str]) -> str | None:
    """Say in a line which images were left out; None where none was."""
    if not images:
        return None
    count = counted(len(images), "broken image")
    return f"{count} left out of every count: {left_out_names(images)}"


def left_out_names(images: Sequence[str]) -> str:
    """Write the first few images, and how many more there are."""
    shown = ", ".join(on_one_line(shortened(image)) for image in images[:_SHOWN])
    return shown + (f" and {len(images) - _SHOWN:,} more" if len(images) > _SHOWN else "")
