"""What can be chosen about the figures of a study?"""

from typing import Annotated, Literal

from pydantic import Field

from prunescope.base.settings import Later, Settings

Lines = Literal["means", "replicates"]
Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")


class FigureSettings(Settings):
    """How the figures of a study are drawn."""

    lines: Lines = "means"
    """A line for the mean over replicates with a band around it ("means"), or one for each
    replicate, as Frankle & Bau (2019) draw them ("replicates")."""

    formats: Annotated[tuple[Format, ...], Field(min_length=1), Later()] = FORMATS
    """The files of each figure: png (200 dpi), svg, pdf."""
