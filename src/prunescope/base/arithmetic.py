"""By which arithmetic does a network compute its forward pass?"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from prunescope.base.chains import trace
from prunescope.base.compiling import Compiled, compiled
from prunescope.base.errors import InputError
from prunescope.base.folding import Fold, fold, folded, without_sums
from prunescope.base.images import Arithmetic, Precision
from prunescope.base.modes import device_of, exact_arithmetic, in_mode, repeatable
from prunescope.base.seeding import torch_generator
from prunescope.base.showing import show

_TOLERANCE = 1e-4  # of the largest output: a hundred times what rounding moves a ResNet-50's
_FAILURES = (InputError, torch.OutOfMemoryError)  # which the first batch reports


@contextmanager
def computing_by(
    arithmetic: Arithmetic,
    network: nn.Module,
    size: tuple[int, int, int],
    *,
    seen: Collection[nn.Module] = (),
) -> Iterator[Compiled | None]:
    """Let a network compute by an arithmetic in float32 while the block lasts.

    size: channels, height and width of the images it is shown. seen: modules whose output is
    looked at; all modules keep their meaning, so this changes no number.
    Yields what shows the network images if it is to be compiled; else None, and the network itself
    computes so.
    """
    if arithmetic == "compiled" and not _is_damaged(network, size):
        with compiled(network) as made:
            yield made
    else:
        folds = safe_folds(network, size) if arithmetic == "folded" else ()
        with folded(folds, seen=seen):
            yield None


def wants_channels_last(arithmetic: Arithmetic, precision: Precision, device: torch.device) -> bool:
    """Return whether images are shown in the channels-last memory format whatever is asked for.

    In bfloat16 always; in float32 only on CPUs, since on GPUs it was never measured.
    """
    return precision == "bf16" or (arithmetic != "plain" and device.type == "cpu")


def safe_folds(network: nn.Module, size: tuple[int, int, int]) -> tuple[Fold, ...]:
    """Return what is safe to fold for images of this size.

    The network is shown one image of noise as it is, and again folded. There are none where it
    fails on that image, or where the two outputs differ by more than rounding explains, also with
    every sum left to the network.
    """
    try:
        with _trying(network, size) as noise:
            traced = trace(network, noise)
    except _FAILURES:
        return ()
    folds = fold(traced.chains)  # as plain tensors, which outlive a block of inference
    for tried in (folds, without_sums(folds)) if folds else ():
        try:
            with _trying(network, size) as noise, folded(tried):
                again = show(network, noise)
        except _FAILURES:
            continue
        if _agree(traced.output, again):
            return tried
    return ()


@contextmanager
def _trying(network: nn.Module, size: tuple[int, int, int]) -> Iterator[Tensor]:
    """Yield an image of noise, and have the network ready for it; both are the same every time."""
    device = device_of(network)
    noise = torch.randn(1, *size, generator=torch_generator(0, "folding")).to(device)
    with (
        in_mode(network, training=False),
        exact_arithmetic(device, "float32"),
        repeatable(device),
        torch.inference_mode(),
    ):
        yield noise


def _is_damaged(network: nn.Module, size: tuple[int, int, int]) -> bool:
    """Return whether a network puts out what is not finite, which fused operations may hide.

    oneDNN's ReLU turns nan into 0. Where folding is tried, `_agree` refuses such a network.
    """
    try:
        with _trying(network, size) as noise:
            output = show(network, noise)
    except _FAILURES:
        return False
    return not _agree(output, output)


def _agree(plain: object, folded: object) -> bool:
    """Return whether all tensors in two outputs are equal up to rounding, and finite."""
    pairs = [
        [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        for output in (plain, folded)
    ]
    if len(pairs[0]) != len(pairs[1]) or not pairs[0]:
        return False
    return all(_close(a, b) for a, b in zip(*pairs, strict=True))


def _close(plain: Tensor, folded: Tensor) -> bool:
    if plain.shape != folded.shape:
        return False
    if not plain.is_floating_point() or not plain.numel():
        return bool((plain == folded).all())
    difference = (plain - folded).abs().amax()
    return bool(difference <= _TOLERANCE * plain.abs().amax())  # false where either is nan
