"""Prune a network, and see what it still sees.

The public names are loaded when first used, so that `import prunescope` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from prunescope.version import __version__

if TYPE_CHECKING:
    from prunescope.analysis.compare import compare
    from prunescope.analysis.comparison import Comparison
    from prunescope.analysis.run_comparison import RunComparison
    from prunescope.dissection.result import Dissection, LayerDissection
    from prunescope.dissection.run import dissect
    from prunescope.pruning.mask import Mask, MaskKeeper
    from prunescope.pruning.prune import prune

__all__ = [
    "Comparison",
    "Dissection",
    "LayerDissection",
    "Mask",
    "MaskKeeper",
    "RunComparison",
    "__version__",
    "compare",
    "dissect",
    "prune",
]

_HOMES = {
    "dissect": "prunescope.dissection.run",
    "compare": "prunescope.analysis.compare",
    "Comparison": "prunescope.analysis.comparison",
    "RunComparison": "prunescope.analysis.run_comparison",
    "Dissection": "prunescope.dissection.result",
    "LayerDissection": "prunescope.dissection.result",
    "Mask": "prunescope.pruning.mask",
    "MaskKeeper": "prunescope.pruning.mask",
    "prune": "prunescope.pruning.prune",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'prunescope' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
