"""A model of transformers with images and text (CLIP, SigLIP): its name on the Hub, or a folder."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModel, AutoProcessor

from prunescope.base.errors import ConfigError

PACKAGE = "transformers"
OPTIONS: dict[str, str] = {}


def open_encoder(model: str, _options: Mapping[str, str], device: torch.device) -> "Transformers":
    """Open a model; it is downloaded where it is not in the cache. Code in it is never run."""
    return Transformers(model, device)


class Transformers:
    """The two sides of a model, and how its processor prepares pictures and words."""

    is_random = False

    def __init__(self, model: str, device: torch.device) -> None:
        """Open a model. Raises ConfigError for one that has no side for words."""
        self._network = AutoModel.from_pretrained(model, trust_remote_code=False).to(device).eval()
        opened: Any = AutoProcessor  # whose methods have no types
        self._processor = opened.from_pretrained(model, trust_remote_code=False)
        self._device = device
        for side in ("get_image_features", "get_text_features"):
            if not hasattr(self._network, side):
                raise ConfigError(
                    f"{type(self._network).__name__} does not compare images with words (it has no "
                    f"{side}): take CLIP, SigLIP or the like"
                )

    def encode_images(self, images: Sequence[Image.Image]) -> Tensor:
        """Return a row for each picture."""
        pixels = self._processor(images=list(images), return_tensors="pt").to(self._device)
        with torch.inference_mode():
            return _rows(self._network.get_image_features(**pixels))

    def encode_words(self, words: Sequence[str]) -> Tensor:
        """Return a row for each word, padded as the models were trained."""
        tokens = self._processor(
            text=list(words), padding="max_length", truncation=True, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            return _rows(self._network.get_text_features(**tokens))


def _rows(features: Any) -> Tensor:
    """Return features as versions below 5 return them: later ones wrap them in an output."""
    rows: Tensor = getattr(features, "pooler_output", features)
    return rows
