"""How long does it take to decide which weights of a network survive, and to make a level?"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from prunescope.base.tensors import save_tensors
from prunescope.networks.registry import build
from prunescope.pruning.audit import audit_weights
from prunescope.pruning.filters.finding import find_groups
from prunescope.pruning.filters.scoring import filter_scores, select_groups
from prunescope.pruning.mask import Mask, MaskKeeper, restore
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.prune import KeepRule
from prunescope.pruning.saved import read_weights
from prunescope.pruning.scoring_images import NoImages
from prunescope.pruning.selection import prune_by
from prunescope.results.layout import MASK, WEIGHTS
from prunescope.results.provenance import environment

NETWORK = "torchvision:resnet50"
KEEP = 0.2


def main() -> None:
    """Print one JSON object: seconds of each criterion, and of a change of level without training.

    A criterion's seconds are those of scoring and of choosing the survivors. A change of level is
    to score by magnitude, prune, rewind, save, and audit what was saved.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each, after a first one")
    parser.add_argument("--network", default=NETWORK)
    parser.add_argument("--without-synflow", action="store_true", help="which takes 100 rounds")
    asked = parser.parse_args()
    conditions = environment()
    network = build(asked.network, seed=0)
    mask = Mask.ones(network, prunable_names(network, "all"))
    figures: dict[str, object] = {"network": asked.network, "weights": mask.size}
    for criterion in ("magnitude", "random"):
        figures[f"{criterion}_seconds"] = median(
            partial(chosen, network, mask, criterion), asked.runs
        )
    figures |= filters(network, asked.runs)
    if not asked.without_synflow:
        started = time.perf_counter()
        chosen(network, mask, "synflow")
        figures["synflow_seconds"] = round(time.perf_counter() - started, 2)
    with tempfile.TemporaryDirectory() as folder:
        figures["level_seconds"] = median(lambda: level(network, mask, Path(folder)), asked.runs)
    figures |= {"runs": asked.runs, "threads": torch.get_num_threads()}
    print(json.dumps(figures | {"conditions": conditions}))


def chosen(network: nn.Module, mask: Mask, criterion: str) -> Mask:
    """Return the mask of the fifth of the weights that survives by a criterion."""
    rule = KeepRule(criterion=criterion, scope="global", structure="weights", keep=KEEP)
    return prune_by(rule, network, mask, images=NoImages(network), seed=0)


def filters(network: nn.Module, runs: int) -> dict[str, object]:
    """Return the seconds of finding channel groups, and of scoring and choosing them."""
    groups = find_groups(network)
    state = network.state_dict()

    def choose() -> None:
        left = lambda part: round(0.8 * part.size)  # noqa: E731
        select_groups(filter_scores(groups, state), groups.everything, left)

    return {
        "groups_seconds": median(lambda: find_groups(network), 1),
        "filters_seconds": median(choose, runs),
    }


def level(network: nn.Module, before: Mask, folder: Path) -> None:
    """Score, prune, rewind, save and audit, as a level does but for its training."""
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    mask = chosen(network, before, "magnitude")
    keeper: MaskKeeper = restore(network, weights, mask)
    keeper()
    save_tensors(folder / WEIGHTS, network.state_dict())
    mask.save(folder / MASK)
    problems = audit_weights(read_weights(folder)).problems
    assert not problems
    network.load_state_dict(weights)


def median(work: Callable[[], object], runs: int) -> float:
    """Return the median seconds of some work, after a first time."""
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds[1:]), 3)


if __name__ == "__main__":
    main()
