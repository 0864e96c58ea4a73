"""A model of open_clip: its name, or hf-hub:ORGANISATION/NAME, or local-dir:DIR."""

from collections.abc import Mapping, Sequence

import open_clip
import torch
from PIL import Image
from torch import Tensor

PACKAGE = "open_clip"
OPTIONS = {"pretrained": "the tag or the file of its weights"}


def open_encoder(model: str, options: Mapping[str, str], device: torch.device) -> "OpenClip":
    """Open a model; its weights are downloaded where they are not in the cache."""
    return OpenClip(model, options.get("pretrained"), device)


class OpenClip:
    """The two sides of a model, and how its authors prepare pictures and words."""

    def __init__(self, model: str, pretrained: str | None, device: torch.device) -> None:
        """Open a model. pretrained: None leaves the weights as they are drawn, unless the model's
        name says where they are."""
        self._network, _, self._prepare = open_clip.create_model_and_transforms(
            model, pretrained=pretrained, device=device
        )
        self._network.eval()
        self._tokens = open_clip.get_tokenizer(model)
        self._device = device
        self.is_random = pretrained is None and ":" not in model

    def encode_images(self, images: Sequence[Image.Image]) -> Tensor:
        """Return a row for each picture."""
        pixels = torch.stack([self._prepare(image) for image in images])
        with torch.inference_mode():
            rows: Tensor = self._network.encode_image(pixels.to(self._device))
        return rows

    def encode_words(self, words: Sequence[str]) -> Tensor:
        """Return a row for each word."""
        with torch.inference_mode():
            rows: Tensor = self._network.encode_text(self._tokens(list(words)).to(self._device))
        return rows
