"""How is a network made quickly when its first weights do not matter?

Torch's meta device does not serve: networks of timm keep values outside their state dict (the
relative positions of Swin), which no file of weights brings back.
"""

import sys
from types import ModuleType
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

from prunescope.networks.registry import build

_DRAWING = ("normal_", "uniform_", "kaiming_uniform_")
_HELPERS = "torch._dynamo.utils"


def build_hollow(name: str, *, num_classes: int | None = None) -> nn.Module:
    """Make a network as `build` does, but draw no weights at random: they are constant.

    A ResNet-50 takes 0.02 s instead of 0.3 s, and torchvision, which timm imports as well, comes
    without torch's compiler.
    """
    if name.startswith(("torchvision:", "timm:")):
        _import_torchvision()
    with _NoDrawing():
        return build(name, num_classes=num_classes, seed=0)


class _NoDrawing(TorchFunctionMode):
    """Fills a tensor with one number where it would be filled at random.

    That is the mean of a normal distribution, since `trunc_normal_` draws until all values lie
    within its bounds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        keywords = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name not in _DRAWING:
            return func(*args, **keywords)
        tensor, *rest = args or (keywords.pop("tensor"),)
        mean = rest[0] if rest else keywords.get("mean", 0.0)
        tensor.data.fill_(mean if name == "normal_" else 0.0)
        return tensor


def _import_torchvision() -> None:
    """Import torchvision in 0.1 s instead of 1.5 s.

    It imports all of `torch._dynamo` for one function, which its detection networks call before
    they compile. Here it finds a stand-in, which imports the compiler when it is called.
    """
    if _HELPERS in sys.modules or "torchvision" in sys.modules:
        return
    stand_in = ModuleType(_HELPERS)
    vars(stand_in)["is_compile_supported"] = _is_compile_supported
    sys.modules[_HELPERS] = stand_in
    try:
        import torchvision  # noqa: F401
    finally:
        del sys.modules[_HELPERS]


def _is_compile_supported(device: str) -> bool:
    from torch._dynamo.utils import is_compile_supported

    return bool(is_compile_supported(device))
