"""Is everything that can be chosen by name what the choice is of?"""

import importlib
from typing import Any

import pytest

from prunescope.base.registry import Registry
from prunescope.concepts.sources import SOURCES
from prunescope.dissection.stated import BASES
from prunescope.engines import ENGINES
from prunescope.experiment.plan import STAGES
from prunescope.pruning.choices import CRITERIA, RECOVERIES, SCHEDULES, SCOPES
from prunescope.training.trackers import TRACKERS

REGISTRIES = (BASES, CRITERIA, ENGINES, RECOVERIES, SCHEDULES, SCOPES, SOURCES, STAGES, TRACKERS)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_choice_can_be_called_and_no_module_that_can_be_is_left_out(
    registry: Registry,
) -> None:
    def can_be_called(module: Any) -> bool:
        takes_masks = getattr(module, "TAKES_MASKS", False)  # of criteria
        return hasattr(module, "derive" if takes_masks else registry.function)

    assert [name for name in registry.names if not can_be_called(registry.module(name))] == []
    helpers = [importlib.import_module(f"{registry.package}.{name}") for name in registry.but]
    assert [module for module in helpers if can_be_called(module)] == []
