"""Which labelled images are there, and in which order does training see them?"""

from prunescope.data.images import (
    LabelledImages,
    count_images,
    find_split,
    load_images,
    source_fingerprint,
)
from prunescope.data.loader import Augmentation, Normalisation, batches, epoch_order

__all__ = [
    "Augmentation",
    "LabelledImages",
    "Normalisation",
    "batches",
    "count_images",
    "epoch_order",
    "find_split",
    "load_images",
    "source_fingerprint",
]
