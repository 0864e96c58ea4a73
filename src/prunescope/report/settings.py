"""What can be chosen about the figures of a study?"""

from typing import Annotated, Literal

from prunescope.base.settings import Later, Settings

Lines = Literal["means", "replicates"]
Format = Literal["png", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "pdf")


class FigureSettings(Settings):
    """How the figures of a study are drawn."""

    lines: Lines = "means"
    """A line for the mean over replicates with a band around it ("means"), or one for each
    replicate, as Frankle & Bau (2019) draw them ("replicates")."""

    formats: Annotated[tuple[Format, ...], Later()] = FORMATS
    """The files of each figure besides svg, which the page shows: png (200 dpi), pdf, both or
    none."""
