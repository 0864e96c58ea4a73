"""Which weights of a level of a run survive?"""

from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.saved import read_mask
from prunescope.results.layout import MASK
from prunescope.results.manifest import check_recorded
from prunescope.results.run import Level, Run


def level_mask(level: Level) -> Mask:
    """Return a level's mask; at level 0, which has no file of it, everything survives."""
    path = level.path / MASK
    check_recorded(path)
    if level.level == 0 and not path.is_file():
        recipe = Run.load(level.path.parents[1]).recipe
        network = level.network.module
        return Mask.ones(network, prunable_names(network, recipe["pruning"]["prunable"]))
    return read_mask(path)
