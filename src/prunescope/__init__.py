"""Prune a network, and see what it still sees.

The public names are loaded when first used, so that `import prunescope` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

import prunescope.report  # noqa: F401  # it says how results show themselves
from prunescope.base.hooks import register
from prunescope.version import __version__

if TYPE_CHECKING:
    from prunescope.base.errors import ConfigError, DataError, PrunescopeError
    from prunescope.comparison.dissections import Comparison
    from prunescope.comparison.outcomes import LayerComparison
    from prunescope.comparison.runs import RunComparison
    from prunescope.experiment.ablating import ablate
    from prunescope.experiment.api import (
        audit,
        conventions,
        dissect,
        export,
        list_layers,
        prune,
    )
    from prunescope.experiment.comparing import compare_networks
    from prunescope.experiment.evaluating import evaluate, evaluate_pair
    from prunescope.experiment.hub.api import pull, push
    from prunescope.experiment.load import load
    from prunescope.experiment.segmenting import segment
    from prunescope.experiment.study import Study, merge
    from prunescope.networks.loading import LoadedNetwork, load_network
    from prunescope.pruning.mask import Mask, MaskKeeper
    from prunescope.report.plots import (
        plot_comparison,
        plot_concepts,
        plot_examples,
        plot_units,
    )
    from prunescope.report.run_plots import (
        plot_accuracy,
        plot_chance,
        plot_classes,
        plot_consistency,
        plot_interpretability,
        plot_ious,
        plot_layers,
        plot_quantiles,
        plot_survival,
        plot_taxonomy,
        plot_thresholds,
    )
    from prunescope.results.dissection import Dissection, LayerDissection
    from prunescope.results.run import Level, Run
    from prunescope.statistics.compare import compare

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
    "ablate",
    "audit",
    "compare",
    "compare_networks",
    "conventions",
    "dissect",
    "evaluate",
    "evaluate_pair",
    "export",
    "list_layers",
    "load",
    "load_network",
    "merge",
    "plot_accuracy",
    "plot_chance",
    "plot_classes",
    "plot_comparison",
    "plot_concepts",
    "plot_consistency",
    "plot_examples",
    "plot_interpretability",
    "plot_ious",
    "plot_layers",
    "plot_quantiles",
    "plot_survival",
    "plot_taxonomy",
    "plot_thresholds",
    "plot_units",
    "prune",
    "pull",
    "push",
    "segment",
]

_HOMES = {
    "base.errors": ("ConfigError", "DataError", "PrunescopeError"),
    "comparison.dissections": ("Comparison",),
    "comparison.outcomes": ("LayerComparison",),
    "comparison.runs": ("RunComparison",),
    "experiment.ablating": ("ablate",),
    "experiment.api": (
        "audit",
        "conventions",
        "dissect",
        "export",
        "list_layers",
        "prune",
    ),
    "experiment.comparing": ("compare_networks",),
    "experiment.evaluating": ("evaluate", "evaluate_pair"),
    "experiment.study": ("Study", "merge"),
    "experiment.load": ("load",),
    "experiment.hub.api": ("pull", "push"),
    "experiment.segmenting": ("segment",),
    "networks.loading": ("LoadedNetwork", "load_network"),
    "pruning.mask": ("Mask", "MaskKeeper"),
    "report.plots": (
        "plot_comparison",
        "plot_concepts",
        "plot_examples",
        "plot_units",
    ),
    "report.run_plots": (
        "plot_accuracy",
        "plot_chance",
        "plot_classes",
        "plot_consistency",
        "plot_interpretability",
        "plot_ious",
        "plot_layers",
        "plot_quantiles",
        "plot_survival",
        "plot_taxonomy",
        "plot_thresholds",
    ),
    "results.dissection": ("Dissection", "LayerDissection"),
    "results.run": ("Level", "Run"),
    "statistics.compare": ("compare",),
}
register(
    level_mask="prunescope.pruning.saved:level_mask",
    load_network="prunescope.networks.loading:load_network",
    resample="prunescope.statistics.resampled:resample_layer",
    unit_masks="prunescope.dissection.masking:mask_pictures",
)
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
