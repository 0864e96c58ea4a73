"""How are pruned weights written, for us and for other tools?"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import write_together
from prunescope.base.paths import refuse_replacing, require_place, resolved
from prunescope.base.tensors import tensor_bytes
from prunescope.networks.description import Description, has_description
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.reading.files import OPENLTH_MASK
from prunescope.pruning.choices import Form
from prunescope.pruning.interchange import masked, to_openlth_mask, to_torch
from prunescope.pruning.mask import Mask
from prunescope.pruning.saved import mask_beside
from prunescope.results.checksums import checksum_beside
from prunescope.results.layout import STUDY


def check_place(out: Path, form: Form, *, read: Iterable[Path | str | None] = ()) -> None:
    """Raise ConfigError if a file of that form should not be written there.

    read: the files that it is made from.
    """
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder: give the name of a file in it")
    if any(file is not None and resolved(Path(file)) == resolved(out) for file in read):
        raise ConfigError(f"--out {out} is read for this: give the name of another file")
    require_place(out.parent)
    is_safetensors = out.suffix == ".safetensors"
    if form == "prunescope" and not is_safetensors:
        raise ConfigError(
            f"--out {out}: name the file *.safetensors, or write it as torch saves it "
            "with --format torch"
        )
    if form != "prunescope" and is_safetensors:
        raise ConfigError(f"--out {out}: --format {form} is no safetensors file: name it *.pth")


def write_weights(out: Path, network: LoadedNetwork, mask: Mask, form: Form) -> tuple[Path, ...]:
    """Write a network's weights, +0 where pruned, and the mask; return the files, `out` first.

    prunescope: weights that say which network they belong to, and the mask as `mask_beside` names
        it, each with its checksum in it. torch: one state dict, as of a network under
        `torch.nn.utils.prune`. openlth: a plain state dict, and `mask.pth` beside it; torchvision's
        ResNets under the names by which OpenLTH wraps them. Of both, checksums lie beside them.
    Only what an earlier call wrote in the form prunescope is replaced, and no level of a run.
    Raises ConfigError as `check_place` does and if it would replace anything else, StoreError if
    the system refuses.
    """
    check_place(out, form)
    state: dict[str, Tensor] = network.module.state_dict()
    state = masked({name: tensor.detach().cpu() for name, tensor in state.items()}, mask)
    match form:
        case "prunescope":
            described = Description(
                name=network.name,
                num_classes=network.num_classes,
                input=network.input,
                units=network.units,
            )
            content = tensor_bytes(state, described.as_metadata(), sealed=True)
            contents = {mask_beside(out): tensor_bytes(mask, sealed=True), out: content}
        case "torch":
            contents = _with_checksum(out, _torch_bytes(to_torch(state, mask)))
        case "openlth":
            prefix = "model." if network.name.startswith("torchvision:resnet") else ""
            kept = {prefix + name: kept for name, kept in to_openlth_mask(mask).items()}
            plain = {prefix + name: tensor for name, tensor in state.items()}
            beside = out.with_name(OPENLTH_MASK)
            contents = _with_checksum(beside, _torch_bytes(kept))
            contents |= _with_checksum(out, _torch_bytes(plain))
    for path, content in contents.items():
        refuse_replacing(path, content, lambda _: _is_written_by_us(out))
    write_together(contents)
    return tuple(path for path in reversed(contents) if path.suffix != ".sha256")


def _with_checksum(path: Path, content: bytes) -> dict[Path, bytes]:
    return checksum_beside(path, content) | {path: content}


def _is_written_by_us(out: Path) -> bool:
    """Return whether a file says which network it belongs to, and is no level of a run."""
    if out.suffix != ".safetensors" or any((folder / STUDY).exists() for folder in out.parents):
        return False
    try:
        return out.is_file() and has_description(out)
    except DataError:
        return False


def _torch_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    buffer = io.BytesIO()
    plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
    torch.save(plain, buffer)
    return buffer.getvalue()
