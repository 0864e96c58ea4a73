"""Which networks for semantic segmentation of transformers are there, and what do they see?"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from jaxtyping import Float32
from PIL import Image
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError, DownloadError, first_line
from prunescope.base.text import first_of
from prunescope.networks.segmentation.segmenter import Segmenter, checked_names
from prunescope.networks.segmentation.settings import SegmentationSettings

_MOVES_PIXELS = ("do_center_crop", "do_pad")
_SHOWN = 5


def open_transformers(
    place: str, names: tuple[str, ...] | None, settings: SegmentationSettings
) -> Segmenter:
    """Return a network of transformers: a folder on disk, or a model of the Hugging Face hub.

    place: the folder, or the model's name; from the hub's cache if it is there, else it is
        downloaded. names: of its outputs; `id2label` of its config when None.
    Its image processor says how photographs are shown; what would cut or pad them is left out,
    since a label must stay where it is. Nothing that only its files name is run.
    """
    if settings.weights is not None:
        raise ConfigError(
            f"transformers:{place} has weights of its own: leave out --weights {settings.weights}"
        )
    network, processor = _load(place)
    stated = network.config.id2label
    outputs = [str(stated[index]) for index in sorted(stated)]
    asked = _asked(processor, settings)

    def prepare(picture: Image.Image) -> Float32[Tensor, "channel height width"]:
        pixels: Tensor = processor(images=picture, return_tensors="pt", **asked)["pixel_values"]
        return pixels[0].float()

    return Segmenter(
        name=f"transformers:{Path(place).name if Path(place).is_dir() else place}",
        module=network.eval(),
        weights=getattr(network.config, "_commit_hash", None) or "its own",
        classes=names or checked_names(outputs, f"id2label of {place}"),
        prepare=prepare,
        seen={"processor": type(processor).__name__, **_plain(processor, asked)},
        made_by={"transformers": version("transformers")},
    )


def _load(place: str) -> tuple[Any, Any]:
    """Return a network, in float32, and its image processor.

    Raises ConfigError where transformers is not installed, or has no such kind of network for
    semantic segmentation; DataError where files are damaged or hold no weights for a part of it.
    """
    try:
        from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation
    except ImportError as error:
        raise ConfigError(
            f"transformers:{place} needs transformers, which is not installed "
            f"({first_line(error)}): pip install 'prunescope[segment]'"
        ) from None
    is_folder, processors = Path(place).is_dir(), cast(Any, AutoImageProcessor)
    try:
        processor = processors.from_pretrained(place, trust_remote_code=False)
        network, found = AutoModelForSemanticSegmentation.from_pretrained(
            place, trust_remote_code=False, output_loading_info=True, dtype="float32"
        )
    except Exception as error:  # of whichever library transformers reads or asks with
        reason = first_line(error).rstrip(".")
        if is_folder or not isinstance(error, OSError):
            raise DataError(
                f"transformers:{place} is no network for semantic segmentation that can be read: "
                f"{reason}"
            ) from error
        raise DownloadError(
            f"transformers:{place} is no folder, not in the hub's cache ({_cached()}), and cannot "
            f"be downloaded: {reason}. Give the folder of a model, or a name that is cached"
        ) from error
    if missing := sorted(found["missing_keys"]):
        raise DataError(
            f"transformers:{place} has no weights for {first_of(missing, _SHOWN)}: it is no "
            "network that was trained for semantic segmentation"
        )
    return network, processor


def _cached() -> str:
    """Say which models are in the cache of the hub."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return "which is empty"
    models = sorted(each.repo_id for each in repositories if each.repo_type == "model")
    return f"which has {first_of(models, _SHOWN)}" if models else "which has no model"


def _asked(processor: Any, settings: SegmentationSettings) -> dict[str, Any]:
    """Return what an image processor is asked for otherwise than it would do by itself."""
    asked: dict[str, Any] = {
        option: False for option in _MOVES_PIXELS if getattr(processor, option, None)
    }
    if settings.resolution is not None:
        side = settings.resolution
        by_shorter = "shortest_edge" in _as_mapping(getattr(processor, "size", None))
        asked["size"] = {"shortest_edge": side} if by_shorter else {"height": side, "width": side}
    if settings.mean is not None:
        asked["image_mean"] = list(settings.mean)
    if settings.std is not None:
        asked["image_std"] = list(settings.std)
    return asked


def _plain(processor: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return size, mean and std of an image processor as plain values."""
    return {
        "size": _as_mapping(asked.get("size", getattr(processor, "size", None))),
        "mean": list(asked.get("image_mean", getattr(processor, "image_mean", None)) or ()),
        "std": list(asked.get("image_std", getattr(processor, "image_std", None)) or ()),
    }


def _as_mapping(size: Any) -> dict[str, int]:
    """Return a size of an image processor, whose class is not the same in all versions."""
    stated = dict(size) if isinstance(size, Mapping) else vars(size) if size is not None else {}
    return {name: length for name, length in stated.items() if length is not None}
