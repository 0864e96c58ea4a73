"""How are the residual networks for 32 x 32 images built, which no library has?"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class OptionAShortcut(nn.Module):
    """Carry a block's input past it without weights: every second cell, new channels zero.

    He et al. 2016, section 3.3, option A. The zero channels surround the old ones, as in the
    published checkpoints.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        before = (channels_out - channels_in) // 2
        self.before, self.after = before, channels_out - channels_in - before

    def forward(
        self, maps: Float[Tensor, "image channel height width"]
    ) -> Float[Tensor, "image wider half_height half_width"]:
        return functional.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; ReLU after the addition."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(channels_in, channels_out, stride)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = _convolution(channels_out, channels_out, 1)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = OptionAShortcut(channels_in, channels_out) if stride > 1 else nn.Identity()

    def forward(
        self, maps: Float[Tensor, "image channel height width"]
    ) -> Float[Tensor, "image wider half_height half_width"]:
        inner = functional.relu(self.bn1(self.conv1(maps)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(maps))


class CifarResNet(nn.Module):
    """The CIFAR-10 network of He et al. 2016 (CVPR), section 4.2, with option-A shortcuts.

    depth: weighted layers, 6 n + 2. width: factor on the 16, 32 and 64 channels; round(16 width)
    is at least 1. Convolutions and classifier start from He et al. 2015 (ICCV), normal, fan-in.
    """

    def __init__(self, depth: int, *, num_classes: int, width: float) -> None:
        super().__init__()
        blocks, narrow = (depth - 2) // 6, round(16 * width)
        self.conv1 = _convolution(3, narrow, 1)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.layer1 = _stack(narrow, narrow, blocks, stride=1)
        self.layer2 = _stack(narrow, 2 * narrow, blocks, stride=2)
        self.layer3 = _stack(2 * narrow, 4 * narrow, blocks, stride=2)
        self.linear = nn.Linear(4 * narrow, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, "image class"]:
        maps = functional.relu(self.bn1(self.conv1(images)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        logits: Tensor = self.linear(maps.mean(dim=(2, 3)))
        return logits


def _convolution(channels_in: int, channels_out: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)


def _stack(channels_in: int, channels_out: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = BasicBlock(channels_in, channels_out, stride)
    rest = (BasicBlock(channels_out, channels_out, 1) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)
