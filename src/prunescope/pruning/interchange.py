"""How do other tools write pruned weights, and how are these converted?

torch: `torch.nn.utils.prune` replaces a parameter `weight` by `weight_orig` and a buffer
    `weight_mask`, and computes `weight` as their product.
OpenLTH: `mask.pth` holds a 0/1 tensor for each prunable tensor. Beside it lies the plain state
    dict `model_ep160_it0.pth`; `checkpoint.pth` holds the state dict of network and masks
    together, `model.conv.weight` and `mask_conv___weight`.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from prunescope.base.wrappers import without_wrappers
from prunescope.networks.reading import effective
from prunescope.networks.reading.effective import Effective
from prunescope.pruning.mask import Mask

State = dict[str, Tensor]

_ORIGINAL, _MASK = "_orig", "_mask"


def as_mask(tensors: Mapping[str, Tensor], where: str) -> Mask:
    """Read tensors of zeros and ones, of any type, as a mask.

    where: what they came from, for messages. Raises DataError naming one that holds anything else.
    """
    return Mask(effective.boolean_masks(tensors, where))


def masked(state: Mapping[str, Tensor], mask: Mask) -> State:
    """Return a state dict whose pruned weights are exactly zero, +0, whatever they were.

    Raises DataError where the mask is another network's.
    """
    mask.check_fit(state)
    return Effective(dict(state), dict(mask)).masked()


def from_torch(state: Mapping[str, Tensor], where: str) -> tuple[State, Mask | None]:
    """Split a state dict of a network pruned by torch into plain weights and their mask.

    A weight is `weight_orig` where `weight_mask` is 1, and +0 elsewhere; it stands where
    `weight_orig` stood. None, and the state dict as it was, where nothing in it is pruned so.
    Raises DataError where a mask is not of zeros and ones, or of another shape than its weights.
    """
    effect = effective.multiply_masks(Effective(dict(state)), where)
    return effect.state, Mask(effect.masks) if effect.masks else None


def to_torch(state: Mapping[str, Tensor], mask: Mask) -> State:
    """Return the state dict that the same network, pruned by torch with this mask, loads.

    `weight_mask` is of the weights' own type, as torch makes it.
    """
    form: State = {}
    for name, tensor in masked(state, mask).items():
        if name in mask:
            form[name + _ORIGINAL] = tensor
            form[name + _MASK] = mask[name].to(tensor.dtype)
        else:
            form[name] = tensor
    return form


def attach_torch_masks(network: nn.Module, mask: Mask) -> None:
    """Put a live network under `torch.nn.utils.prune` with this mask, in place.

    Raises DataError where the mask is another network's.
    """
    with without_wrappers(network) as plain:
        parameters = dict(plain.named_parameters())
        mask.check_fit(parameters)
        for name, kept in mask.items():
            path, _, parameter = name.rpartition(".")
            module, kept_there = plain.get_submodule(path), kept.to(parameters[name].device)
            torch_prune.custom_from_mask(module, parameter, kept_there)  # type: ignore[no-untyped-call]


def detach_torch_masks(network: nn.Module) -> Mask | None:
    """Take a live network out of `torch.nn.utils.prune`, in place, and return its mask.

    Its parameters are plain again, pruned weights +0. None where torch had pruned nothing.
    Raises DataError, with nothing changed, where a mask is not of zeros and ones.
    """
    with without_wrappers(network) as inner:
        state = {name: tensor.detach().cpu() for name, tensor in inner.state_dict().items()}
        plain, mask = from_torch(state, type(inner).__name__)
        for name in mask or ():
            path, _, parameter = name.rpartition(".")
            torch_prune.remove(inner.get_submodule(path), parameter)  # type: ignore[no-untyped-call]
        if mask is not None:
            inner.load_state_dict(plain)
    return mask


def to_openlth_mask(mask: Mask) -> State:
    """Return what OpenLTH saves as `mask.pth`: integers, 1 where a weight survives."""
    return {name: kept.int() for name, kept in mask.items()}
