"""How are saved weights loaded into a network without running code in the file?

Which function reads what, from the bytes up:

- `reading.stored.load_torch`: what torch saved, as it stands in the file.
- `reading.stored.read_stored`: one network's state dict in a file or folder of any form, and what
  the file remembers of its optimizer; `Stored.named_as_in` computes the weights that take effect.
- `read_state_dict`: these weights, of a network that is not known.
- `load_weights`: these weights, into a network; of masked ones, the zeros.
- `smaller.fit_smaller`: these weights, into a network whose layers have lost channels.
- `read_published`, `fit_published`: a state dict that a library publishes, in its own format.
- `pruning.saved.read_weights`: weights as they were saved and their mask, apart.
- `networks.loading.load_network`: a network by its name, with any of these.
"""

from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from prunescope.base.errors import DataError
from prunescope.base.text import counted
from prunescope.networks.reading.choice import choose_network
from prunescope.networks.reading.effective import Effective, boolean_masks
from prunescope.networks.reading.files import OPENLTH_MASK, is_openlth_network, weights_file
from prunescope.networks.reading.names import renaming
from prunescope.networks.reading.sharing import refuse_disagreement
from prunescope.networks.reading.stored import load_torch, read_stored
from prunescope.networks.reading.values import (
    Tensors,
    few,
    plain_values,
    refuse_not_finite,
    refuse_quantised,
)
from prunescope.results.manifest import check_manifest

_AUXILIARY_HEADS = ("aux1", "aux2", "AuxLogits")  # of GoogLeNet and Inception v3, for training


def load_weights(module: nn.Module, path: Path, key: str | None = None) -> None:
    """Load into a network the weights that take effect in a file; of masked ones, the zeros.

    path, key: as `read_stored` takes them. Raises what it and `fit_state_dict` raise; the module
    is then unchanged.
    """
    fit_state_dict(module, weights_for(module, path, key), str(path))


def weights_for(module: nn.Module, path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Return the weights that take effect in a file under a network's names, masked ones zero.

    path, key: as `read_stored` takes them. Raises what it raises.
    """
    expected = module.state_dict()
    check_manifest(weights_file(path))
    weights = read_stored(path, key).named_as_in(expected)
    mask = path.with_name(OPENLTH_MASK)
    if is_openlth_network(path) and mask.is_file():  # it masks as it computes
        kept = boolean_masks(choose_network(load_torch(mask), str(mask), None), str(mask))
        rename = renaming(list(kept), weights.state)
        weights = Effective(weights.state, {rename(name): kept[name] for name in kept})
        _check_mask(weights, f"{mask} does not fit {path}")
    return weights.masked()


def read_state_dict(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """Return the weights that take effect in a file, whose network is not known.

    path, key: as `read_stored` takes them, and what it raises. On the CPU, in the types they were
    stored in; the names are without wrappers, see `renaming`.
    """
    return read_stored(path, key).named_as_in(None).masked()


def fit_state_dict(module: nn.Module, state: Tensors, where: str) -> None:
    """Load every tensor into the module, which keeps its dtypes (float16 becomes float32).

    where: what the tensors came from, for messages. Counters of seen batches
    (`num_batches_tracked`) may be missing, as they are in old files.
    Raises DataError naming the keys that are missing, unexpected, of another shape, quantised or
    not finite; the module is then unchanged.
    """
    state = _without_unused_heads(module, state)
    check_fit(module, state, where)
    refuse_not_finite(state, where, module.state_dict())
    module.load_state_dict(_as_of_today(module, state), strict=False)


def read_published(path: Path) -> OrderedDict[str, Tensor]:
    """Read a state dict that a library published, with the versions of its modules if they are in.

    Raises DataError as `read_state_dict` does.
    """
    content = load_torch(path)
    chosen = plain_values(choose_network(content, str(path), None), str(path))
    state: OrderedDict[str, Tensor] = OrderedDict(chosen)
    state._metadata = getattr(content, "_metadata", None)  # type: ignore[attr-defined]
    return state


def fit_published(module: nn.Module, state: OrderedDict[str, Tensor], path: Path) -> None:
    """Load a state dict that a library published, perhaps long ago, as its modules know how to.

    Unlike `fit_state_dict` it lets every module rename what older versions of it had saved.
    Raises DataError where it does not fit.
    """
    try:
        result = module.load_state_dict(state, strict=False)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} does not fit the network: {error}") from error
    missing = [key for key in result.missing_keys if not _is_counter(key)]
    if missing or result.unexpected_keys:
        complaints = (
            _complain("missing in it", missing),
            _complain("unknown to the network", list(result.unexpected_keys)),
        )
        raise DataError(f"{path} does not fit the network: {'; '.join(filter(None, complaints))}")


def check_fit(module: nn.Module, state: Tensors, where: str) -> None:
    """Raise DataError, as `fit_state_dict` does, where the tensors are another network's."""
    expected = module.state_dict()
    state = _without_unused_heads(module, state)
    refuse_quantised(state, where, expected)
    missing = [key for key in expected if key not in state and not _is_counter(key)]
    unexpected = [key for key in state if key not in expected]
    reshaped = [key for key in expected if key in state and expected[key].shape != state[key].shape]
    if missing or unexpected or reshaped:
        complaints = (
            _complain("missing in it", missing),
            _complain("unknown to the network", unexpected),
            _complain("of another shape", [_shapes(key, expected, state) for key in reshaped]),
        )
        hint = "" if missing or unexpected else class_hint(reshaped, expected, state)
        raise DataError(
            f"{where} does not fit the network: {'; '.join(filter(None, complaints))}{hint}"
        )
    refuse_disagreement(state, expected, where)


def _without_unused_heads(module: nn.Module, state: Tensors) -> Tensors:
    """Leave out the auxiliary heads of a file where the network was built without them.

    They only help in training: torchvision's GoogLeNet and Inception v3 predict the same without.
    """
    absent = {
        head for head in _AUXILIARY_HEADS if getattr(module, head, "no such attribute") is None
    }
    return {key: state[key] for key in state if key.partition(".")[0] not in absent}


def _as_of_today(module: nn.Module, state: Tensors) -> OrderedDict[str, Tensor]:
    """Return a state dict that fits as one of the modules' present versions.

    Without the versions, which files often lack, modules would take it for an old one, and change
    it or refuse it, as torchvision's MNASNet does.
    """
    dated: OrderedDict[str, Tensor] = OrderedDict(state)
    dated._metadata = module.state_dict()._metadata  # type: ignore[attr-defined]
    return dated


def _check_mask(weights: Effective, where: str) -> None:
    for name, kept in weights.masks.items():
        if name not in weights.state or kept.shape != weights.state[name].shape:
            raise DataError(f"{where}: it has no such {name}")


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] == "num_batches_tracked"


def _complain(what: str, keys: list[str]) -> str:
    return f"{len(keys)} {what}: {few(keys)}" if keys else ""


def _shapes(key: str, expected: Tensors, state: Tensors) -> str:
    return f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"


def class_hint(reshaped: list[str], expected: Tensors, state: Tensors) -> str:
    """Return what to do where a file's classifier alone has another shape, else nothing."""
    owners = {key.rpartition(".")[0] for key in reshaped}
    counts = {state[key].shape[:1] for key in reshaped}
    same_input = all(expected[key].shape[1:] == state[key].shape[1:] for key in reshaped)
    if len(owners) > 1 or len(counts) > 1 or not same_input or not any(counts):
        return ""
    classes = state[reshaped[0]].shape[0]
    return (
        f'. Its classifier "{owners.pop()}" knows {counted(classes, "class", "classes")}: '
        f"pass --num-classes {classes}"
    )
