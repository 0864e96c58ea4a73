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
from prunescope.results.checkpoints import AVERAGE, NETWORK, OPTIMIZER, part_of, step_in
from prunescope.training.averaging import MovingAverage
from prunescope.training.history import History

_COUNTER = "step"  # of AdamW: one number, on the CPU


def save_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer,
    *,
    step: Step,
    history: History,
    identity: str,
    average: MovingAverage | None = None,
) -> None:
    """Write parameters, buffers, what the optimizer remembers, step and history, whole or not.

    identity: what the checkpoint belongs to; it is loaded only under the same identity.
    average: of the weights, where there is one; it is written, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {NETWORK + name: tensor for name, tensor in network.state_dict().items()}
    for word, memories in optimizer_state(network, optimizer).items():
        tensors |= {OPTIMIZER[word] + name: tensor for name, tensor in memories.items()}
    if average is not None:
        tensors |= {AVERAGE + name: tensor for name, tensor in average.state().items()}
    metadata = {
        "identity": identity,
        "iteration": str(step.iteration),
        "per_epoch": str(step.per_epoch),
        "history": history.as_text(),
    }
    save_tensors(path, tensors, metadata, sealed=True)


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer,
    *,
    identity: str,
    progress: Progress,
    average: MovingAverage | None = None,
) -> tuple[Step, History] | None:
    """Restore network, optimizer and average from a checkpoint; return its step and history.

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
        state = part_of(tensors, NETWORK)
        _check_fit(path, state, network.state_dict())
        memories = {word: part_of(tensors, part) for word, part in OPTIMIZER.items()}
        _check_memories(path, memories, network)
        averaged = part_of(tensors, AVERAGE)
        _check_fit(path, averaged, {} if average is None else average.state())
        step, history = step_in(path, metadata), _history_in(path, metadata)
    except DataError as error:
        progress.say(f"{error}; training starts over")
        return None
    network.load_state_dict(state)
    set_memories(network, optimizer, memories)
    if average is not None:
        average.load(averaged)
    return step, history


def optimizer_state(network: nn.Module, optimizer: Optimizer) -> dict[str, dict[str, Tensor]]:
    """Return what the optimizer remembers of each parameter, by torch's word, then by name."""
    return {
        word: {
            name: memory
            for name, parameter in network.named_parameters()
            if (memory := optimizer.state.get(parameter, {}).get(word)) is not None
        }
        for word in OPTIMIZER
    }


def set_memories(
    network: nn.Module, optimizer: Optimizer, memories: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Have an optimizer remember what `optimizer_state` returned."""
    for name, parameter in network.named_parameters():
        for word, saved in memories.items():
            if word == _COUNTER and name in saved:
                optimizer.state[parameter][word] = saved[name]
            elif name in saved:
                memory = torch.empty_like(parameter, requires_grad=False).copy_(saved[name])
                optimizer.state[parameter][word] = memory


@torch.no_grad()
def is_finite(
    network: nn.Module, optimizer: Optimizer, average: MovingAverage | None = None
) -> bool:
    """Return whether every weight, memory of it, average and running statistic is a finite number.

    Other buffers are constants, which may be infinite on purpose, as in an attention mask.
    """
    statistics = [buffer for name, buffer in network.named_buffers() if "running_" in name]
    remembered = [
        memory
        for word, memories in optimizer_state(network, optimizer).items()
        for memory in memories.values()
        if word != _COUNTER
    ]
    averages = [] if average is None else list(average.state().values())
    tensors = [*network.parameters(), *remembered, *statistics, *averages]
    # A sum is finite only if all its terms are, and takes a fifth of the time of looking at each;
    # that of huge numbers may overflow.
    sums = torch.stack([tensor.sum().double() for tensor in tensors])
    return bool(sums.isfinite().all()) or all(bool(each.isfinite().all()) for each in tensors)


def _history_in(path: Path, metadata: Mapping[str, str]) -> History:
    try:
        return History.from_text(metadata["history"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"{path} is damaged: it states no history") from None


def _check_memories(
    path: Path, memories: Mapping[str, Mapping[str, Tensor]], network: nn.Module
) -> None:
    """Raise DataError where what an optimizer remembers is not like the network's parameters."""
    parameters, counter = dict(network.named_parameters()), torch.zeros(())
    for word, saved in memories.items():
        expected = {name: counter if word == _COUNTER else parameters.get(name) for name in saved}
        _check_fit(path, saved, expected)


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
