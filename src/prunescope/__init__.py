"""Prune a network, and see what it still sees.

The public names are loaded when first used, so that `import prunescope` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from prunescope.version import __version__

if TYPE_CHECKING:
    from prunescope.analysis.compare import compare
    from prunescope.analysis.comparison import Comparison
    from prunescope.analysis.load import load
    from prunescope.analysis.outcomes import LayerComparison
    from prunescope.analysis.run_comparison import RunComparison
    from prunescope.analysis.run_folder import Level, Run
    from prunescope.base.errors import ConfigError, DataError, PrunescopeError
    from prunescope.dissection.result import Dissection, LayerDissection
    from prunescope.experiment.api import Study, merge
    from prunescope.experiment.calls import (
        audit,
        conventions,
        dissect,
        evaluate,
        export,
        list_layers,
        prune,
    )
    from prunescope.experiment.comparing import compare_networks
    from prunescope.networks import LoadedNetwork, load_network
    from prunescope.pruning.mask import Mask, MaskKeeper
    from prunescope.report.plots import (
        plot_accuracy,
        plot_comparison,
        plot_concepts,
        plot_consistency,
        plot_examples,
        plot_interpretability,
        plot_taxonomy,
        plot_units,
    )

__all__ = [
    "Comparison",
    "ConfigError",
    "DataError",
    "Dissection",
    "LayerComparison",
    "LayerDissection",
    "Level",
    "LoadedNetwork",
    "Mask",
    "MaskKeeper",
    "PrunescopeError",
    "Run",
    "RunComparison",
    "Study",
    "__version__",
    "audit",
    "compare",
    "compare_networks",
    "conventions",
    "dissect",
    "evaluate",
    "export",
    "list_layers",
    "load",
    "load_network",
    "merge",
    "plot_accuracy",
    "plot_comparison",
    "plot_concepts",
    "plot_consistency",
    "plot_examples",
    "plot_interpretability",
    "plot_taxonomy",
    "plot_units",
    "prune",
]

_HOMES = {
    "analysis.compare": ("compare",),
    "analysis.comparison": ("Comparison",),
    "analysis.load": ("load",),
    "analysis.outcomes": ("LayerComparison",),
    "analysis.run_comparison": ("RunComparison",),
    "analysis.run_folder": ("Level", "Run"),
    "base.errors": ("ConfigError", "DataError", "PrunescopeError"),
    "dissection.result": ("Dissection", "LayerDissection"),
    "experiment.calls": (
        "audit",
        "conventions",
        "dissect",
        "evaluate",
        "export",
        "list_layers",
        "prune",
    ),
    "experiment.comparing": ("compare_networks",),
    "experiment.api": ("Study", "merge"),
    "networks": ("LoadedNetwork", "load_network"),
    "pruning.mask": ("Mask", "MaskKeeper"),
    "report.plots": tuple(name for name in __all__ if name.startswith("plot_")),
}
_HOME_OF = {name: f"prunescope.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'prunescope' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    if not isinstance(value, type):
        from prunescope.base.door import at_the_door

        value = at_the_door(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
