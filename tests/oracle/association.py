"""What are Pearson's correlation and AUPRC of a unit and a label, pixel by pixel?

From docs/method.md alone: every map is upsampled, all pixels of the images that carry a label of
the category stand in one list, and both measures are taken of that list.
"""

import math

import numpy as np
import torch


def pixels(maps, carried, of_category, shape, upsample=None):
    """Return the activations x of all pixels, and whether each carries the label, y.

    maps: one unit's, [image, height, width]. carried: per image, the pixels that carry the label.
    of_category: whether each image carries a label of the category. upsample: another way than
    half-pixel centres, clamped.
    """
    activations, labels = [], []
    for cells, mask, counts in zip(maps, carried, of_category, strict=True):
        if counts:
            upsampled = (upsample or _upsample)(cells.astype(np.float64), *shape)
            activations.append(upsampled.ravel())
            labels.append(mask.ravel())
    return np.concatenate(activations), np.concatenate(labels)


def pearson(x, y):
    """Return the covariance over the product of the standard deviations; nan if one is 0."""
    y = y.astype(np.float64)
    if x.min() == x.max() or y.min() == y.max():
        return math.nan
    return float(((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std()))


def average_precision(x, y):
    """Return the sum of each threshold's precision times the recall it adds; ties share one."""
    found, looked, total, recall = 0, 0, int(y.sum()), 0.0
    precision = 0.0
    for threshold in sorted(set(x.tolist()), reverse=True):
        here = x == threshold
        found, looked = found + int(y[here].sum()), looked + int(here.sum())
        precision += (found / total - recall) * found / looked
        recall = found / total
    return precision


def bounds(found, looked):
    """Return between what average precision must lie, by the pixels in bins, highest bin first.

    At worst the pixels of a bin without the label come first in it, at best those with it.
    """
    total, low, high, found_before, looked_before = sum(found), 0.0, 0.0, 0, 0
    for with_label, pixels_of_bin in zip(found, looked, strict=True):
        for number in range(1, with_label + 1):
            others = pixels_of_bin - with_label
            high += (found_before + number) / (looked_before + number) / total
            low += (found_before + number) / (looked_before + others + number) / total
        found_before, looked_before = found_before + with_label, looked_before + pixels_of_bin
    return low, high


def _upsample(cells, height, width):
    upsampled = torch.nn.functional.interpolate(
        torch.from_numpy(cells)[None, None], (height, width), mode="bilinear", align_corners=False
    )
    return upsampled[0, 0].numpy()
