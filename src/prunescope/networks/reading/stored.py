"""How is a file of weights of any tool read without running code in it?"""

import argparse
import pickle
import types
import warnings
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError, first_line
from prunescope.base.formats import (
    ARRAYS,
    PICKLE,
    STATE_DICT,
    STATE_DICT_IN,
    is_safetensors,
    refuse_foreign,
)
from prunescope.base.tensors import load_tensors
from prunescope.networks.reading.archives import check_archive
from prunescope.networks.reading.choice import STATE_DICT_KEYS, choose_network, refuse_several
from prunescope.networks.reading.effective import (
    Effective,
    in_effect,
    split_openlth,
)
from prunescope.networks.reading.files import is_index, read_index, weights_file
from prunescope.networks.reading.names import (
    is_average_counter,
    networks_within,
    refuse_collisions,
    renaming,
)
from prunescope.networks.reading.sharing import with_shared
from prunescope.networks.reading.values import Tensors, plain_values
from prunescope.results.checkpoints import NETWORK, is_checkpoint, memories_in, part_of
from prunescope.results.checksums import check_against_record

_HARMLESS = (argparse.Namespace, types.SimpleNamespace)  # timm keeps its arguments in the former
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # how torch's older format begins
_PICKLED = 1 << 24  # bytes of a pickle that are searched for names
_OPTIMIZERS = ("optimizer_state_dict", "optimizer", "optim")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One network's state dict as its tool saved it, and what the file remembers beside it.

    optimizer: a state of torch's optimizers. memories: what a checkpoint of a run's own training
    holds of its optimizer, by parameter.
    """

    path: Path
    state: dict[str, Tensor]
    optimizer: Mapping[str, Any] | None = None
    memories: dict[str, tuple[Tensor, ...]] | None = None

    def named_as_in(self, expected: Tensors | None) -> Effective:
        """Return the weights that take effect, under the names that their network has for them.

        expected: the state dict of the network that they are meant for; None if it is not known.
        Raises DataError where the file holds several such networks, or a weight that cannot be
        computed from it.
        """
        where = str(self.path)
        state, masks = self._without_openlth(where)
        names = [name for name in state if not is_average_counter(name) or name in (expected or ())]
        rename = renaming(names, expected)
        if expected is not None:
            _refuse_other_networks([rename(name) for name in names], expected, where)
        refuse_collisions(names, rename, where)
        weights = in_effect({rename(n): state[n] for n in names}, where, frozenset(expected or ()))
        weights.masks |= {rename(name): kept for name, kept in masks.items()}
        return weights if expected is None else with_shared(weights, expected)

    def _without_openlth(self, where: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the state, and the masks where it is of an OpenLTH checkpoint, see `effective`."""
        tidy = renaming(list(self.state))
        split = split_openlth(Effective({tidy(n): t for n, t in self.state.items()}), where)
        return (split.state, split.masks) if split.masks else (self.state, {})


def read_stored(path: Path, key: str | None = None) -> Stored:
    """Read the state dict in a file, on the CPU and in the types it was stored in, densely.

    path: safetensors, what torch saved (old and new, on any device), an index of shards, a level of
        a run, or a folder of the Hugging Face hub. Nothing in it is executed.
    key: which network, where a file holds several, see `choose_network`.
    Raises DataError for a file that is absent, damaged, or holds something else, and says what to
    do; ConfigError for a key that leads to no network.
    """
    file = weights_file(path)
    where = str(path)
    if is_index(file):
        return Stored(path=path, state=_read_shards(file, key))
    if is_safetensors(file):
        refuse_foreign(file)
        tensors = load_tensors(file)
        if is_checkpoint(tensors):
            return _own_checkpoint(path, tensors, key)
        return Stored(path=path, state=_chosen(tensors, where, key))
    content = load_torch(file)
    return Stored(
        path=path, state=plain_values(choose_network(content, where, key), where),
        optimizer=_optimizer(content),
    )  # fmt: skip


def load_torch(path: Path) -> Any:
    """Read what torch saved, on the CPU, without running code. Raises DataError, saying why."""
    refuse_foreign(path)
    check_against_record(path)
    if path.stat().st_size == 0:
        raise DataError(f"{path} is damaged, or no file of weights: it is empty")
    check_archive(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(_HARMLESS)):
            warnings.simplefilter("ignore")  # on odd files, which fail right after
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle makes the unpickler raise anything
        raise DataError(_explain(path, error)) from error


def _explain(path: Path, error: Exception) -> str:
    """Say in a line what was wrong, without torch's advice to run the code in the file."""
    text = str(error)
    if "torchao" in text:
        return (
            f"{path} is quantised by torchao: concepts and pruning need the weights themselves, so "
            "give the checkpoint from before it was quantised, or save each tensor's dequantize()"
        )
    if isinstance(error, pickle.UnpicklingError) and _is_plain_pickle(path):
        return f"{path} cannot be read for weights: {PICKLE.replace('FILE', path.name)}"
    if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in text:
        return f"{path} holds Python objects, not only tensors, and loading it would run code: " + (
            _cure(path, text).replace("FILE", path.name)
        )
    is_foreign = isinstance(error, pickle.UnpicklingError)
    reason = "torch did not write it" if is_foreign else first_line(error)
    return f"{path} is damaged, or no file of weights: {reason}"


def _is_plain_pickle(path: Path) -> bool:
    """Return whether Python's pickle wrote a file, and torch did not."""
    with path.open("rb") as file:
        head = file.read(len(_LEGACY))
    return head.startswith(b"\x80") and head != _LEGACY


def _cure(path: Path, text: str) -> str:
    """Say how the weights come out of a file of torch with Python objects in it."""
    pickled = _pickled(path)
    inside = next((name for name in STATE_DICT_KEYS if _written(name) in pickled), None)
    if inside is not None and not _is_object(pickled):
        return STATE_DICT_IN.replace("state_dict", inside)
    if "GLOBAL numpy" in text:
        return ARRAYS
    return STATE_DICT if _is_object(pickled) else STATE_DICT_IN


def _pickled(path: Path) -> bytes:
    """Return the beginning of the pickle in a file; nothing for torch's older format."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as file:
                return file.read(_PICKLED)
    except (zipfile.BadZipFile, StopIteration):
        return b""


def _written(text: str) -> bytes:
    """Return a text as it stands in a pickle."""
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def _is_object(pickled: bytes) -> bool:
    """Return whether an object, such as a whole network, was pickled rather than a mapping.

    A file of torch's older format, whose beginning does not show it, is taken for an object.
    """
    return pickled[2:3] != b"}"  # behind a protocol: the empty mapping


def _read_shards(index: Path, key: str | None) -> dict[str, Tensor]:
    """Read the tensors that an index lists from their shards, in its order."""
    tensors: dict[str, Tensor] = {}
    for shard, names in read_index(index).items():
        refuse_foreign(shard)
        content = load_tensors(shard) if is_safetensors(shard) else load_torch(shard)
        lacking = [name for name in names if not isinstance(content.get(name), Tensor)]
        if lacking:
            raise DataError(f"{shard} lacks {lacking[0]}, which {index} places in it")
        tensors |= {name: content[name] for name in names}
    return _chosen(tensors, str(index), key)


def _chosen(tensors: dict[str, Tensor], where: str, key: str | None) -> dict[str, Tensor]:
    """Return one network of a file of tensors, whose names may be those of several networks."""
    if key is not None:
        return plain_values(choose_network(tensors, where, key), where)
    return plain_values(refuse_several(tensors, where), where)


def _own_checkpoint(path: Path, tensors: dict[str, Tensor], key: str | None) -> Stored:
    if key is not None:
        raise ConfigError(f"{path} is a checkpoint of one network: leave out --key {key}")
    return Stored(path=path, state=part_of(tensors, NETWORK), memories=memories_in(tensors))


def _optimizer(content: Any) -> Mapping[str, Any] | None:
    if not isinstance(content, Mapping):
        return None
    states = [content[name] for name in _OPTIMIZERS if name in content]
    states += list(content.get("optimizer_states") or ())[:1]  # Lightning's
    return next((state for state in states if isinstance(state, Mapping)), None)


def _refuse_other_networks(names: list[str], expected: Collection[str], where: str) -> None:
    """Raise DataError where a network's names stand in a file below more than one beginning."""
    present = set(names)
    if all(name in present for name in expected):
        return
    beginnings = networks_within(names, expected)
    if len(beginnings) > 1:
        first = beginnings[0]
        raise DataError(
            f"{where} holds {len(beginnings)} such networks, below the names "
            f'{", ".join(beginnings)}: choose one: --key {first} (in Python key="{first}", in a '
            "recipe start.key)"
        )
    if beginnings:
        raise DataError(
            f"{where} holds the network below {beginnings[0]}, and other tensors beside it: --key "
            f"{beginnings[0]} takes it alone"
        )
