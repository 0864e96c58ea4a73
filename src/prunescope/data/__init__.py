"""Which labelled images are there, and in which order does training see them?"""

from prunescope.data.augmentation import Augmentation
from prunescope.data.cropping import RandomResizedCrop
from prunescope.data.images import count_images, find_split, load_images, source_fingerprint
from prunescope.data.labelled import Images, LabelledImages, StreamedImages
from prunescope.data.loader import Normalisation, batches, epoch_order
from prunescope.data.sizing import CentreCrop, Sizing

__all__ = [
    "Augmentation",
    "CentreCrop",
    "Images",
    "LabelledImages",
    "Normalisation",
    "RandomResizedCrop",
    "Sizing",
    "StreamedImages",
    "batches",
    "count_images",
    "epoch_order",
    "find_split",
    "load_images",
    "source_fingerprint",
]
