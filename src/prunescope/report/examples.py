"""Where does a unit fire on an image? The rest of it is dimmed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image, ImageEnhance

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import Centring

_PIXELS = 168  # longer side of a picture, shown at about two thirds of it
_OVERSAMPLING = 3  # masks are drawn larger by this factor and averaged, for smooth contours
_CONTOUR_PIXELS = 3  # of the oversampled mask
_CONTOUR_COLOUR = (255, 214, 64)
_OUTSIDE_COLOUR, _OUTSIDE_LIGHT = 0.5, 0.45  # remaining saturation and brightness


def draw_example(
    image: Image.Image,
    activation: Float32[np.ndarray, "height width"],
    threshold: float,
    centring: Centring = "half-pixel",
) -> Image.Image:
    """Return an image, 168 pixels on its longer side, dimmed outside a unit's mask.

    The mask is the activation map upsampled to the picture's pixels as in docs/method.md (bilinear,
    clamped, strictly above the threshold); the label map, on which pixels are counted, may be
    coarser. centring: of the convention it was counted by.
    """
    scale = _PIXELS / max(image.size)
    width, height = (max(1, round(scale * side)) for side in image.size)
    inside = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    grey = ImageEnhance.Color(inside).enhance(_OUTSIDE_COLOUR)
    outside = ImageEnhance.Brightness(grey).enhance(_OUTSIDE_LIGHT)
    shape = (height * _OVERSAMPLING, width * _OVERSAMPLING)
    mask = draw_mask(activation, threshold, shape, centring)
    picture = Image.composite(inside, outside, _coverage(mask))
    picture.paste(_CONTOUR_COLOUR, mask=_coverage(mask & ~_eroded(mask, _CONTOUR_PIXELS)))
    return picture


def draw_mask(
    activation: Float32[np.ndarray, "height width"],
    threshold: float,
    shape: tuple[int, int],
    centring: Centring,
) -> Bool[np.ndarray, "row column"]:
    """Mark the pixels at which an upsampled map is strictly above its threshold.

    The excess over the threshold is interpolated in float64, as `dissection.upsample` does, which
    works on many maps at a time and needs torch.
    """
    axes = zip(activation.shape, shape, strict=True)
    (top, bottom, down, height), (left, right, across, width) = (
        _cells_read(cells, pixels, centring) for cells, pixels in axes
    )
    excess = activation.astype(np.float64) - threshold
    at_left = (excess[:, left] * (width - across)).astype(np.longdouble)
    # torch rounds once, after the sum, and so does this: a product has 63 bits
    rows = (at_left + excess[:, right].astype(np.longdouble) * across).astype(np.float64)
    mask: Bool[np.ndarray, "row column"] = (
        rows[top] * (height - down)[:, None] + rows[bottom] * down[:, None] > 0
    )
    return mask


def _cells_read(
    cells: int, pixels: int, centring: Centring
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return the cells before and after each pixel of an axis, the weight of the latter, the whole.

    The weights of both cells add up to the whole.
    """
    whole = 2 * pixels
    position = (2 * np.arange(pixels) + (centring == "half-pixel")) * cells - pixels
    before = position // whole
    last = cells - 1
    return before.clip(0, last), (before + 1).clip(0, last), position - before * whole, whole


def draw_saved(
    row: Mapping[Any, Any], threshold: float, centring: Centring, concepts: ConceptSet
) -> Image.Image:
    """Draw a saved example, a row of examples.parquet, from its image in the concept set.

    The image is found by its name: other images may be selected beside it than were dissected.
    Raises DataError where the image is not in the set.
    """
    index, name = row["row"], row["image"]
    if not (index < len(concepts.images) and concepts.images[index] == name):
        if name not in concepts.images:
            raise DataError(
                f"{concepts.name} has no image {name}, which was dissected: it is another set, it "
                "has changed since, or other images of it are selected"
            )
        index = concepts.images.index(name)
    activation = np.asarray(row["map"], np.float32).reshape(row["height"], row["width"])
    return draw_example(concepts.read_image(index), activation, threshold, centring)


def _coverage(mask: Bool[np.ndarray, "row column"]) -> Image.Image:
    """Return how much of each pixel an oversampled mask covers, 0 to 255."""
    return Image.fromarray(mask.astype(np.uint8) * 255).reduce(_OVERSAMPLING)


def _eroded(mask: Bool[np.ndarray, "row column"], pixels: int) -> Bool[np.ndarray, "row column"]:
    """Erode a mask, except along the edge of the picture."""
    rows, columns = mask.shape
    padded = np.pad(mask, pixels, mode="edge")
    shifts = range(2 * pixels + 1)
    tall = np.logical_and.reduce([padded[shift : shift + rows] for shift in shifts])
    eroded: Bool[np.ndarray, "row column"] = np.logical_and.reduce(
        [tall[:, shift : shift + columns] for shift in shifts]
    )
    return eroded
