"""How is a small convolutional network without shortcuts built, for studies on a few cores?"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

CHANNELS = (32, 64, 128, 256, 256)
_STRIDES = (2, 2, 1, 2, 1)


class PlainCNN(nn.Module):
    """Five 3 x 3 convolutions, each with batch normalisation and ReLU, and a linear classifier.

    Images of 64 pixels become maps of 32, 16, 16, 8 and 8 cells a side. width: factor on the 32,
    64, 128, 256 and 256 channels; round(32 width) is at least 1. Weights start as those of
    torchvision's ResNets: convolutions from He et al. 2015 (ICCV), normal, fan-out.
    """

    def __init__(self, *, num_classes: int, width: float) -> None:
        super().__init__()
        channels = [3, *(round(count * width) for count in CHANNELS)]
        for number, ((before, after), stride) in enumerate(
            zip(pairwise(channels), _STRIDES, strict=True), 1
        ):
            block = nn.Sequential()
            block.add_module(
                "conv", nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
            )
            block.add_module("bn", nn.BatchNorm2d(after))
            block.add_module("relu", nn.ReLU(inplace=True))
            self.add_module(f"layer{number}", block)
        self.linear = nn.Linear(channels[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, "image class"]:
        maps = images
        for block in list(self.children())[:-1]:
            maps = block(maps)
        logits: Tensor = self.linear(maps.mean(dim=(2, 3)))
        return logits
