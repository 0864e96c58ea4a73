"""Which terms for images and arithmetic do all rooms share?"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

Channels = tuple[float, ...]
"""A number for each channel: red, green and blue; one where a network sees luminance."""

MOST_PIXELS = 16_384
"""A side that no image exceeds: a square of it has 268 million pixels."""

Precision = Literal["float32", "bf16"]
"""Of the forward pass: in float32, or in bfloat16 where autocast allows."""

Arithmetic = Literal["folded", "plain", "compiled"]
"""Of a forward pass in float32: with batch normalisation folded into convolutions and, on CPUs,
channels last in memory; the network's own operations one by one; or as torch compiles them."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


def range_fault(name: Literal["mean", "std"], values: Sequence[float]) -> str | None:
    """Say what is wrong with the mean or std of channels in [0, 1]; None where nothing is.

    A mean lies in [0, 1], a std in (0, 1]; nan lies nowhere.
    """
    spread = name == "std"
    if not values:
        return f"{name} has no value, but needs one for each channel"
    if all(0 <= value <= 1 and (value > 0 or not spread) for value in values):
        return None
    shown, allowed = ",".join(f"{value:g}" for value in values), "(0, 1]" if spread else "[0, 1]"
    fault = f"{name} is {shown}, but pixels are scaled to [0, 1], so each must lie in {allowed}"
    if all(1 < value <= 255 for value in values):
        divided = ",".join(f"{value / 255:.4g}" for value in values)
        return f"{fault}: divide values for pixels of 0-255 by 255, which gives {divided}"
    usual = IMAGENET_STD if spread else IMAGENET_MEAN
    return f"{fault}, as ImageNet's {','.join(map(str, usual))}"


def in_range(name: Literal["mean", "std"]) -> Callable[[Any], Any]:
    """Return a check for settings, which raises ValueError as `range_fault` says."""

    def check(values: Any) -> Any:
        fault = None if values is None else range_fault(name, values)
        if fault is not None:
            raise ValueError(fault)
        return values

    return check
