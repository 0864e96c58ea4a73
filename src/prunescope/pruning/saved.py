"""Which weights, mask and momentum does a file hold, whichever tool wrote it?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.formats import is_safetensors
from prunescope.base.paths import is_there
from prunescope.base.wrappers import unwrapped_name
from prunescope.networks.description import Description, has_description, read_description
from prunescope.networks.reading.choice import choose_network
from prunescope.networks.reading.files import (
    OPENLTH_MASK,
    is_openlth_network,
    weights_file,
)
from prunescope.networks.reading.names import renaming
from prunescope.networks.reading.stored import Stored, load_torch, read_stored
from prunescope.networks.trust import NamesCode
from prunescope.pruning.interchange import State, as_mask
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import prunable_names
from prunescope.results.layout import MASK, WEIGHTS
from prunescope.results.manifest import check_manifest, check_recorded
from prunescope.results.run import Level, Run

Memories = dict[str, tuple[Tensor, ...]]


@dataclass(frozen=True, kw_only=True)
class SavedWeights:
    """What a file holds, and the mask inside or beside it.

    state: weights by plain names, as they take effect; pruned weights as they were saved. mask:
        None if nothing says what is pruned.
    memories: the optimizer's state of each parameter, as tensors of its shape; None without an
        optimizer in the file.
    description: the network that the file says it belongs to, if any.
    notes: what could not be read, for the user.
    stored, beside: the state dict as it was saved, and the mask beside it.
    """

    path: Path
    state: State
    mask: Mask | None = None
    memories: Memories | None = None
    description: Description | None = None
    notes: tuple[str, ...] = ()
    stored: Stored | None = None
    beside: Mask | None = None

    def named_as_in(self, state: Mapping[str, Tensor]) -> "SavedWeights":
        """Return the weights under the names of a network, see `Stored.named_as_in`."""
        if self.stored is None:
            return self
        named = _take_effect(self.stored, self.beside, state)
        return replace(named, path=self.path, description=self.description)

    def with_mask(self, mask: Mask, path: Path) -> "SavedWeights":
        """Return the weights with a mask that was read from another file.

        Raises DataError, naming both files, where it is another network's.
        """
        renamed = _renamed(mask, self.state)
        try:
            renamed.check_fit(self.state)
        except DataError as error:
            raise DataError(f"{path} does not fit {self.path}: {error}") from None
        return replace(self, mask=renamed, beside=mask)


def read_weights(
    path: Path, mask: Path | None = None, key: str | None = None, typed: str | None = None
) -> SavedWeights:
    """Read weights, their mask and what else a file holds.

    path, key: as `read_stored` takes them: a level of a run, a checkpoint of a run's training, or
        any form of file or folder (docs/networks.md). Nothing in it is executed.
    mask: a file, as `read_mask` takes it; None takes the mask inside the file or beside it, if
        there is one (`mask_beside`).
    typed: the network that the user names now; a note says if the file names other code.
    Raises DataError for a file that is absent, damaged or something else, or a mask of other
    tensors; ConfigError for a mask although the file holds one.
    """
    stored = read_stored(path, key)
    file = weights_file(path)
    saved = replace(_take_effect(stored, None, None), path=file)
    if is_safetensors(file) and has_description(file):
        try:
            saved = replace(saved, description=read_description(file, typed))
        except NamesCode as error:
            saved = replace(saved, notes=(*saved.notes, str(error)))
    if mask is not None and saved.mask is not None:
        raise ConfigError(f"{path} holds a mask of its own: leave out --mask {mask}")
    if saved.mask is None:
        path_of_mask = mask or mask_beside(file)
        if mask is not None or is_there(path_of_mask):
            saved = saved.with_mask(read_mask(path_of_mask), path_of_mask)
    return saved


def check_as_recorded(path: Path) -> None:
    """Raise DataError if weights of a run, or the mask beside them, were changed since.

    path: as `read_weights` takes it.
    """
    file = weights_file(path)
    for part in (file, mask_beside(file)):
        check_manifest(part)


def mask_beside(path: Path) -> Path:
    """Return where the mask of a file of weights is stored, if it has one.

    `mask.safetensors` beside a level's `weights.safetensors`; OpenLTH's `mask.pth` beside its
    `model_ep160_it0.pth`; `NAME.mask.safetensors` beside any other `NAME.safetensors`.
    """
    if path.name == WEIGHTS:
        return path.with_name(MASK)
    if is_openlth_network(path):
        return path.with_name(OPENLTH_MASK)
    return path.with_name(f"{path.name.removesuffix('.safetensors')}.{MASK}")


def read_mask(path: Path) -> Mask:
    """Read a mask: ours, or a state dict of zeros and ones that torch saved, such as OpenLTH's.

    Raises DataError for anything else.
    """
    if not path.is_file():
        raise DataError(f"the mask {path} does not exist, or is no file")
    if is_safetensors(path):
        return Mask.load(path)
    return as_mask(choose_network(load_torch(path), str(path), None), str(path))


def level_mask(level: Level) -> Mask:
    """Return the mask of a level of a run; at level 0, which has no mask file, all survive."""
    path = level.path / MASK
    check_recorded(path)
    if level.level == 0 and not path.is_file():
        recipe = Run.load(level.path.parents[1]).recipe
        network = level.network.module
        return Mask.ones(network, prunable_names(network, recipe["pruning"]["prunable"]))
    return read_mask(path)


def is_buffer(name: str) -> bool:
    """Return whether a tensor has the name of a buffer of normalisation.

    Where the network is not known, nothing else tells it from a parameter.
    """
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")


def _take_effect(
    stored: Stored, beside: Mask | None, names: Mapping[str, Tensor] | None
) -> SavedWeights:
    effect = stored.named_as_in(names)
    mask = Mask(effect.masks) if effect.masks else None
    if beside is not None:
        mask = _renamed(beside, effect.state)
    memories, notes = _remembered(stored, effect.state)
    if effect.norms:
        computed = "1 weight is" if effect.norms == 1 else f"{effect.norms} weights are"
        notes = (*notes, f"{computed} computed from a norm, as the network does")
    return SavedWeights(
        path=stored.path,
        state=effect.state,
        mask=mask,
        memories=memories,
        notes=notes,
        stored=stored,
        beside=beside,
    )


def _renamed(mask: Mask, state: State) -> Mask:
    """Return the mask beside a file under the names of the weights in it."""
    rename = renaming(list(mask), state)
    named = {rename(name): kept for name, kept in mask.items()}
    parts = next(iter(state)).split(".")
    beginnings = [".".join([*parts[:depth], ""]) for depth in range(1, len(parts))]
    for beginning in ("", *beginnings):  # the weights may stand inside another network
        if all(beginning + name in state for name in named):
            return Mask({beginning + name: kept for name, kept in named.items()})
    inside = {unwrapped_name(name, named): name for name in state}  # the weights of wrapped parts
    return Mask({inside.get(name, name): kept for name, kept in named.items()})


def _remembered(stored: Stored, state: State) -> tuple[Memories | None, tuple[str, ...]]:
    """Return the optimizer's state by parameter, and a note if it cannot be matched."""
    if stored.memories is not None:
        return stored.memories, ()
    if stored.optimizer is None:
        return None, ()
    memories = _memories(stored.optimizer, state)
    unmatched = (f"what {stored.path} holds of its optimizer cannot be matched to the parameters",)
    return memories, unmatched if memories is None else ()


def _memories(optimizer: Mapping[str, Any], state: State) -> Memories | None:
    """Match an optimizer's state, which torch saves by number, to the parameters in order.

    None if their number or shapes do not agree.
    """
    names = [name for name in state if not is_buffer(name)]
    try:
        numbers = [number for group in optimizer["param_groups"] for number in group["params"]]
        if len(numbers) != len(names):
            return None
        memories = {
            name: tuple(
                value
                for value in optimizer["state"].get(number, {}).values()
                if isinstance(value, Tensor) and value.dim() > 0
            )
            for name, number in zip(names, numbers, strict=True)
        }
    except (KeyError, TypeError, AttributeError):
        return None
    fits = all(value.shape == state[name].shape for name in memories for value in memories[name])
    return memories if fits else None
