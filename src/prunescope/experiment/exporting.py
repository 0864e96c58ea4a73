"""How is a network written for other tools: as a plain state dict, or as ONNX?"""

import io
import json
import logging
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, first_line
from prunescope.base.files import write_together
from prunescope.base.paths import refuse_replacing, require_place
from prunescope.base.text import on_one_line, shortened
from prunescope.networks.images import random_images
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.units import units_as_value
from prunescope.results.checksums import checksum_beside

NetworkForm: TypeAlias = Literal["state-dict", "onnx"]
"""As what a network can be written."""

_ENDINGS = {"state-dict": (".pth", ".pt"), "onnx": (".onnx",)}
_NEEDED = ("onnx", "onnxscript", "onnxruntime")
_OPSET = 20
_ALIKE = 1e-4  # of the largest output, between two libraries in float32


def export_network(
    network: LoadedNetwork, out: Path, form: NetworkForm, *, resolution: int | None = None
) -> dict[str, object]:
    """Write a network with its weights, zeros and all, and return what was written.

    state-dict: names and tensors, as `torch.save` writes them. onnx: the network in evaluation
        mode, for batches of any size of images of one resolution, not normalised by it. What
        onnxruntime computes from it is compared with what torch does, on random images. Its
        metadata `prunescope` has the name, the normalisation, and the units that are left.
    resolution: side of the images in pixels, for ONNX; None takes what is known of the network.
    Raises ConfigError where the file cannot be written there, where packages are missing, and for
    a network that ONNX cannot express.
    """
    check_ending(out, form)
    if form == "onnx":
        content, facts = _onnx_bytes(network, resolution)
    else:
        content, facts = _state_dict_bytes(network.module), {}
    contents = {**checksum_beside(out, content), out: content}
    for path, each in contents.items():
        refuse_replacing(path, each, lambda _: False)
    write_together(contents)
    return {"out": str(out), "format": form, "bytes": len(content), **facts}


def check_ending(out: Path, form: NetworkForm) -> None:
    """Raise ConfigError where a network should not be written to such a file."""
    require_place(out.parent)
    endings = _ENDINGS[form]
    if out.is_dir() or out.suffix not in endings:
        raise ConfigError(f"--out {out}: --format {form} writes a file *{' or *'.join(endings)}")


def _state_dict_bytes(module: nn.Module) -> bytes:
    buffer = io.BytesIO()
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()
    }
    torch.save(state, buffer)
    return buffer.getvalue()


def _onnx_bytes(network: LoadedNetwork, resolution: int | None) -> tuple[bytes, dict[str, object]]:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"--format onnx needs {', '.join(missing)}: pip install 'prunescope[onnx]'"
        )
    module = network.module.cpu().float().eval()
    side = resolution or (network.input.resolution if network.input else None)
    images = random_images(module, side)
    content = _with_metadata(_exported(module, images), network)
    difference = _difference(module, content, images)
    if not difference <= _ALIKE:
        raise ConfigError(
            f"onnxruntime computes something else than torch from the exported {network.name}: "
            f"outputs differ by {difference:.2g} of the largest (at most {_ALIKE:g} is allowed), "
            "so that nothing was written"
        )
    shape = ["batch", *images.shape[1:]]
    return content, {"input": shape, "opset": _OPSET, "difference": difference}


def _exported(module: nn.Module, images: Tensor) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "network.onnx")
        try:
            torch.onnx.export(
                module,
                (images,),
                path,
                dynamo=True,
                opset_version=_OPSET,
                input_names=["images"],
                output_names=["outputs"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # torch raises many kinds, for what it cannot express
            raise ConfigError(
                f"{type(module).__name__} cannot be written as ONNX: "
                f"{on_one_line(shortened(first_line(error), 200))}"
            ) from error
        return path.read_bytes()


def _with_metadata(content: bytes, network: LoadedNetwork) -> bytes:
    import onnx

    model = onnx.load_from_string(content)
    facts: dict[str, Any] = {"network": network.name, "num_classes": network.num_classes}
    facts |= network.input.as_dict() if network.input else {}
    facts |= {} if network.units is None else {"units": units_as_value(network.units)}
    onnx.helper.set_model_props(model, {"prunescope": json.dumps(facts)})
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written


def _difference(module: nn.Module, content: bytes, images: Tensor) -> float:
    """Return the largest difference of onnxruntime's outputs from torch's, of the largest one.

    Also for another number of images than it was exported with.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    largest = 0.0
    for batch in (images, images[:1], images.repeat(2, 1, 1, 1)[:3]):
        with torch.no_grad():
            expected = module(batch)
        expected = (expected[0] if isinstance(expected, tuple | list) else expected).numpy()
        computed = session.run(None, {"images": batch.numpy()})[0]
        if computed.shape != expected.shape:
            return float("inf")
        apart = float(np.abs(computed - expected).max() / max(np.abs(expected).max(), 1e-30))
        largest = max(largest, apart if apart == apart else float("inf"))
    return largest
