"""How do a user's own weights become a study's?"""

import re
from pathlib import Path

import torch
from torch import nn

from prunescope.base.errors import DataError
from prunescope.base.files import hash_file
from prunescope.networks import LEVEL_WEIGHTS, fit_state_dict
from prunescope.pruning.saved import read_weights


def own_weights_hash(path: str, key: str) -> str:
    """Return the content hash of a file of weights, or of a level's.

    key: which setting names it ("start.weights"). Raises DataError where it is absent.
    """
    file = Path(path)
    file = file / LEVEL_WEIGHTS if file.is_dir() else file
    if not file.is_file():
        raise DataError(f"{key} is {path}, but there is no such file, nor such a level of a run")
    return hash_file(file)


def load_own_weights(network: nn.Module, path: str, key: str, classes: int) -> None:
    """Put the dense weights of a file into a network, which has so many classes.

    Raises DataError where they are absent, damaged, pruned or not finite, or naming the keys that
    do not fit; the network is then unchanged.
    """
    own_weights_hash(path, key)
    saved = read_weights(Path(path)).named_as_in(network.state_dict())
    if saved.mask is not None and saved.mask.survivors < saved.mask.size:
        raise DataError(
            f"{key} {path} is pruned to {100 * saved.mask.keep:.3g} %, but a study starts from "
            "dense weights"
        )
    broken = [name for name, own in saved.state.items() if not bool(torch.isfinite(own).all())]
    if broken:
        raise DataError(f"{key} {path}: {broken[0]} holds a value that is not finite")
    try:
        fit_state_dict(network, saved.state, f"{key} {path}")
    except DataError as error:
        hint = f", but the photographs have {classes}"
        raise DataError(re.sub(r": pass --num-classes \d+$", hint, str(error))) from None
