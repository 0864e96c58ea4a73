"""The embedded set: drawn pictures with exact labels."""

from prunescope.concepts.request import Request
from prunescope.concepts.sources.broden import BrodenFolder

FORM = "scenes"


def open_set(request: Request) -> BrodenFolder:
    """Open the set, which is drawn on first use."""
    from prunescope.concepts.scenes import scenes_folder

    return BrodenFolder.open(
        scenes_folder(progress=request.progress),
        name=request.name,
        split=request.split,
        limit=request.limit,
    )
