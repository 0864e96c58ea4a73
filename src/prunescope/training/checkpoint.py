"""How does an interrupted training resume?"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from prunescope.base.errors import DataError
from prunescope.base.progress import Progress
from prunescope.base.steps import Step
from prunescope.base.tensors import load_metadata, load_tensors, save_tensors
from prunescope.results.checkpoints import MOMENTUM, NETWORK, parts_of, step_in
from prunescope.training.history import History


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer,
    *,
    step: Step,
    history: History,
    identity: str,
) -> None:
    """Write parameters, buffers, momentum, step and history, whole or not at all.

    identity: what the checkpoint belongs to; it is loaded only under the same identity.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {NETWORK + name: tensor for name, tensor in network.state_dict().items()}
    momentum = {MOMENTUM + name: tensor for name, tensor in momenta(network, optimizer).items()}
    metadata = {
        "identity": identity,
        "iteration": str(step.iteration),
        "per_epoch": str(step.per_epoch),
        "history": history.as_text(),
    }
    save_tensors(path, state | momentum, metadata, sealed=True)


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer,
    *,
    identity: str,
    progress: Progress,
) -> tuple[Step, History] | None:
    """Restore network and optimizer from a checkpoint; return its step and history.

    Returns None, and changes nothing, if there is no checkpoint. Where it is damaged or belongs to
    another identity, it does so, too, and tells the user.
    """
    if not path.is_file():
        return None
    try:
        metadata, tensors = load_metadata(path), load_tensors(path)
        if metadata.get("identity") != identity:
            progress.say(f"{path} is the checkpoint of another training; training starts over")
            return None
        state, momentum = parts_of(tensors)
        _check_fit(path, state, network.state_dict())
        parameters = dict(network.named_parameters())
        _check_fit(path, momentum, {name: parameters.get(name) for name in momentum})
        step, history = step_in(path, metadata), _history_in(path, metadata)
    except DataError as error:
        progress.say(f"{error}; training starts over")
        return None
    network.load_state_dict(state)
    _set_momenta(network, optimizer, momentum)
    return step, history


def _history_in(path: Path, metadata: Mapping[str, str]) -> History:
    try:
        return History.from_text(metadata["history"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"{path} is damaged: it states no history") from None


def _check_fit(
    path: Path, saved: Mapping[str, Tensor], expected: Mapping[str, Tensor | None]
) -> None:
    """Raise DataError where a checkpoint's tensors are not like those of the network."""
    kinds = [
        {name: None if t is None else (t.shape, t.dtype) for name, t in tensors.items()}
        for tensors in (saved, expected)
    ]
    if kinds[0] != kinds[1]:
        raise DataError(f"{path} is damaged: its tensors are not those of the network")


def momenta(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the momentum of each parameter that has one, by the parameter's name."""
    return {
        name: momentum
        for name, parameter in network.named_parameters()
        if (momentum := optimizer.state.get(parameter, {}).get("momentum_buffer")) is not None
    }


@torch.no_grad()
def is_finite(network: nn.Module, optimizer: Optimizer) -> bool:
    """Return whether every parameter, momentum and running statistic is a finite number.

    Other buffers are constants, which may be infinite on purpose, as in an attention mask.
    """
    statistics = [buffer for name, buffer in network.named_buffers() if "running_" in name]
    tensors = [*network.parameters(), *momenta(network, optimizer).values(), *statistics]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())


def _set_momenta(network: nn.Module, optimizer: Optimizer, saved: dict[str, Tensor]) -> None:
    for name, parameter in network.named_parameters():
        if name in saved:
            buffer = torch.empty_like(parameter, requires_grad=False).copy_(saved[name])
            optimizer.state[parameter]["momentum_buffer"] = buffer
