"""What can be chosen about the figures of a study?"""

from typing import Literal

from prunescope.base.settings import Settings

Lines = Literal["means", "replicates"]


class FigureSettings(Settings):
    """How the figures of a study show its replicates."""

    lines: Lines = "means"
    """A line for the mean over replicates with a band around it ("means"), or one for each
    replicate, as Frankle & Bau (2019) draw them ("replicates")."""
