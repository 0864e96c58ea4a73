"""In which terms does every room speak of images, and of the arithmetic done on them?"""

from typing import Literal

Channels = tuple[float, ...]
"""A number for each channel: red, green and blue; one where a network sees luminance."""

Precision = Literal["float32", "bf16"]
"""Of the forward pass: in float32, or in bfloat16 where autocast allows."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
