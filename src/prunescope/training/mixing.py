"""How are the images of a batch mixed, and what is the loss of a mixture?"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy

from prunescope.base.seeding import derive_seed
from prunescope.base.steps import Step


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """How each image of a batch is mixed with a partner.

    partner: the place in the batch of each image's partner. share: of the image; the partner has
    the rest. box: top, bottom, left, right of the pixels that are the partner's (cutmix); None
    where all pixels are blended (mixup).
    """

    partner: Int64[Tensor, " image"]
    share: float
    box: tuple[int, int, int, int] | None = None


def draw_mixture(
    shape: tuple[int, int, int],
    *,
    mixup: float | None,
    cutmix: float | None,
    seed: int,
    step: Step,
) -> Mixture | None:
    """Draw how the batch of a step is mixed; None where neither is asked for.

    shape: images, height and width of the batch. mixup, cutmix: alpha of their Beta(alpha, alpha);
    where both are given, either is drawn with probability 1/2.
    A pure function of its arguments, so that it is the same wherever training was resumed.
    Sources: Zhang et al. 2018, section 2; Yun et al. 2019, section 3.1, where the share is counted
    again after the box was cut at the image's border.
    """
    if mixup is None and cutmix is None:
        return None
    rng = np.random.default_rng(derive_seed(seed, "mixture", step.iteration))
    count, height, width = shape
    heads = bool(rng.integers(2))
    partner = torch.from_numpy(rng.permutation(count).astype(np.int64))
    if cutmix is None or (mixup is not None and heads):
        assert mixup is not None  # else cutmix is asked for
        return Mixture(partner=partner, share=float(rng.beta(mixup, mixup)))
    drawn = float(rng.beta(cutmix, cutmix))
    side = math.sqrt(1 - drawn)
    top, bottom = _cut(rng, height, side)
    left, right = _cut(rng, width, side)
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return Mixture(partner=partner, share=share, box=(top, bottom, left, right))


def mixed(
    pixels: Float[Tensor, "image channel height width"],
    mixture: Mixture,
    partners: Float[Tensor, "image channel height width"] | None = None,
) -> Float[Tensor, "image channel height width"]:
    """Return the images of a batch, mixed. partners: of each, where they are not in the batch."""
    partners = _partners(pixels, mixture, partners)
    if mixture.box is None:
        return mixture.share * pixels + (1 - mixture.share) * partners
    top, bottom, left, right = mixture.box
    result = pixels.clone()
    result[:, :, top:bottom, left:right] = partners[:, :, top:bottom, left:right]
    return result


def loss_of(
    scores: Float[Tensor, "image class"],
    labels: Int64[Tensor, " image"],
    smoothing: float,
    mixture: Mixture | None = None,
    partners: Int64[Tensor, " image"] | None = None,
) -> Float[Tensor, ""]:
    """Return the mean cross entropy with the labels, or with those of a mixture by their shares.

    smoothing: the share of a label that is spread over all classes, of each of the two alike, so
    that the loss is that of the blended labels, smoothed.
    partners: their labels, where they are not in the batch.
    """
    loss = cross_entropy(scores, labels, label_smoothing=smoothing)
    if mixture is None:
        return loss
    of_partner = cross_entropy(
        scores, _partners(labels, mixture, partners), label_smoothing=smoothing
    )
    return mixture.share * loss + (1 - mixture.share) * of_partner


def label_shown(
    labels: Int64[Tensor, " image"],
    mixture: Mixture | None,
    partners: Int64[Tensor, " image"] | None = None,
) -> Int64[Tensor, " image"]:
    """Return the label of which most is in each image: what a right answer names.

    partners: their labels, where they are not in the batch.
    """
    if mixture is None or mixture.share >= 0.5:
        return labels
    return _partners(labels, mixture, partners)


def _partners(values: Tensor, mixture: Mixture, partners: Tensor | None) -> Tensor:
    return values[mixture.partner.to(values.device)] if partners is None else partners


def _cut(rng: np.random.Generator, length: int, side: float) -> tuple[int, int]:
    """Return begin and end of a box of a relative side around a uniform centre, cut at borders."""
    centre, size = int(rng.integers(length)), int(length * side)
    begin = centre - size // 2
    return max(begin, 0), min(centre + size // 2, length)
