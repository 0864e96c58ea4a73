"""How do a user's own weights, dense or pruned, become a study's?"""

import re
from pathlib import Path

from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.experiment.identity import REWIND_WEIGHTS_NAME, WEIGHTS_NAME, content_of
from prunescope.networks.weights import check_fit, fit_state_dict
from prunescope.pruning.mask import Mask, MaskKeeper
from prunescope.pruning.patterns import Prunable
from prunescope.pruning.prunable import behaviour_of, prunable_names
from prunescope.pruning.prune import starting_mask
from prunescope.pruning.saved import (
    SavedWeights,
    check_as_recorded,
    mask_beside,
    read_weights,
)
from prunescope.pruning.zeros import mask_of_nonzero, unmarked_zeros
from prunescope.recipe import StartSettings


def load_start(network: nn.Module, start: StartSettings, prunable: Prunable, classes: int) -> Mask:
    """Put the weights of level 0 into a network, zero where they are pruned; return their mask.

    The mask is of all prunable tensors: as the file says, or, where `infer_mask` is set, without
    every weight that is zero. prunable: the study's convention. classes: how many the study has.
    Raises DataError where the weights are absent, damaged, not finite, or of another network, or
    hold zeros that nothing marks as pruned; ConfigError where they are pruned outside the
    convention. The network is then unchanged.
    """
    saved = _read(network, start.weights, start.key, WEIGHTS_NAME, classes)
    mask = _mask_of(saved, network, start, prunable)
    fit_state_dict(network, saved.state, f"{WEIGHTS_NAME} {start.weights}")
    MaskKeeper(network, mask)
    return mask


def load_rewinding(
    network: nn.Module, start: StartSettings, classes: int, mask: Mask | None = None
) -> None:
    """Put the weights of the rewind point into a network.

    mask: level 0's, where they are to be checked against it: what it keeps they must not lack.
    Raises DataError as `load_start` does. The network is then unchanged.
    """
    assert start.rewind_weights is not None  # else there is no such stage
    saved = _read(network, start.rewind_weights, start.rewind_key, REWIND_WEIGHTS_NAME, classes)
    if mask is not None:
        _check_within(saved, mask, start)
    fit_state_dict(network, saved.state, f"{REWIND_WEIGHTS_NAME} {start.rewind_weights}")


def _read(
    network: nn.Module, path: str, key: str | None, setting: str, classes: int
) -> SavedWeights:
    """Read weights under the network's names. Raises DataError where they do not fit it."""
    content_of(path, setting)
    check_as_recorded(Path(path))
    saved = read_weights(Path(path), key=key).named_as_in(network.state_dict())
    try:
        check_fit(network, saved.state, f"{setting} {path}")
    except DataError as error:
        hint = f", but the photographs have {classes}"
        raise DataError(re.sub(r": pass --num-classes \d+$", hint, str(error))) from None
    return saved


def _mask_of(
    saved: SavedWeights, network: nn.Module, start: StartSettings, prunable: Prunable
) -> Mask:
    where = f"{WEIGHTS_NAME} {start.weights}"
    mask, behaviour = saved.mask, behaviour_of(network)
    if start.infer_mask:
        names = prunable_names(network, prunable, behaviour)
        mask = mask_of_nonzero(saved.state, names, mask)
    zeros = unmarked_zeros(saved.state, prunable_names(network, "all", behaviour), mask)
    if zeros is not None and start.infer_mask:
        raise ConfigError(
            f"{where}: {zeros}, outside what pruning.prunable: {prunable} holds: choose a "
            "convention that holds them"
        )
    if zeros is not None:
        raise DataError(
            f"{where}: {zeros}. Recovery would let them grow back: where they are pruned weights, "
            "say so with start.infer_mask: true, or give their mask beside the file "
            f"({mask_beside(saved.path).name})"
        )
    try:
        return starting_mask(network, mask, prunable, behaviour)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_within(saved: SavedWeights, mask: Mask, start: StartSettings) -> None:
    """Raise DataError where the rewind point lacks weights that level 0's mask keeps."""
    where = f"{REWIND_WEIGHTS_NAME} {start.rewind_weights}"
    lacking = 0
    if saved.mask is not None:
        names = [name for name in mask if name in saved.mask]
        lacking = sum(int((mask[name] & ~saved.mask[name]).sum()) for name in names)
    begun = [name for name in mask if bool(saved.state[name].any())]  # some layers start at zero
    zeros = unmarked_zeros(saved.state, begun, Mask({name: mask[name] for name in begun}))
    count = lacking or (0 if zeros is None else zeros.count)
    if count:
        raise DataError(
            f"{where}: {count:,} of the {mask.survivors:,} weights that {WEIGHTS_NAME} keeps are "
            "pruned in it: give the same network at an earlier step, with its mask or dense"
        )
