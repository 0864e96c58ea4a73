"""In which order does an epoch show the images, and how are they altered?"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from prunescope.base.devices import usable_cores
from prunescope.base.errors import ConfigError
from prunescope.base.reading import read_ahead
from prunescope.base.seeding import torch_generator
from prunescope.data.augmentation import Draws, cut_and_mirror, draw_augmentation
from prunescope.data.labelled import Images, LabelledImages
from prunescope.data.settings import Augmentation
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.normalise import normalise
from prunescope.imaging.sizing import resized_crop

CPU = torch.device("cpu")

_BATCHES_AHEAD = 2


def epoch_order(count: int, seed: int, epoch: int) -> Int64[Tensor, " image"]:
    """Return the order in which an epoch shows the images: a permutation of their numbers.

    A pure function of its arguments.
    """
    return torch.randperm(count, generator=torch_generator(seed, "order", epoch))


def batches(
    images: Images,
    *,
    batch_size: int,
    normalisation: Normalisation,
    order: Int64[Tensor, " chosen"],
    augmentation: Augmentation | None = None,
    seed: int = 0,
    epoch: int = 0,
    first_batch: int = 0,
    part: Callable[[int, int], Int64[Tensor, " chosen"]] | None = None,
    channels_last: bool = False,
    device: torch.device = CPU,
) -> Iterator[tuple[Float[Tensor, "image channel height width"], Int64[Tensor, " image"]]]:
    """Yield the batches of an epoch with their labels; the last one may be smaller.

    Each image and its augmentation depend on seed, epoch and its number alone, wherever it is
    stored. Images that are not ready in memory, or are cropped, are made in threads, one for each
    core, up to two batches ahead.

    order: numbers of the images to show, see `epoch_order`.
    first_batch: batches to leave out at the start; the rest are those of the whole epoch.
    part: chooses of each batch, by its number in the epoch and its size, the places in it of the
        images to yield; all of them when None.
    channels_last: give batches torch's channels_last memory format, which costs nothing here.
    device: where the batches are cut, mirrored and normalised, and stay; images in memory may lie
        there already, see `moved`.
    Raises ConfigError for a batch size below 1, a negative first batch, an order that names absent
    images, or a pad as large as the images; DataError, in its turn, for an image that cannot be
    decoded.
    """
    augmentation = augmentation or Augmentation()
    _check(images, batch_size, order, augmentation, first_batch)
    draws = draw_augmentation(len(images), augmentation, seed, epoch)
    starts = range(first_batch * batch_size, len(order), batch_size)
    chosen = [order[start : start + batch_size] for start in starts]
    if part is not None:
        numbered = enumerate(chosen, first_batch)
        chosen = [batch[part(number, len(batch))] for number, batch in numbered]

    def make() -> Generator[tuple[Tensor, Tensor], None, None]:
        with closing(_pixels(images, chosen, draws)) as shown:
            for numbers, pixels in zip(chosen, shown, strict=True):
                there = sent(pixels, device)  # as bytes, a quarter of what a network is shown
                drawn = draws.of(numbers).to(device)
                altered = cut_and_mirror(there, augmentation.pad, drawn)
                yield (
                    normalise(altered, normalisation, channels_last=channels_last),
                    sent(images.labels[numbers], device),
                )

    return make()


def moved(images: Images, device: torch.device, augmentation: Augmentation | None) -> Images:
    """Return images with their pixels on a device, if they are shown from memory and fit there.

    Those that are decoded, sized or cropped first are made on the CPU and stay there, as do those
    that would take more than half of the memory that is free on the device.
    """
    if device.type == "cpu" or not isinstance(images, LabelledImages) or not images.is_sized:
        return images
    if augmentation is not None and augmentation.random_resized_crop is not None:
        return images
    if device.type == "cuda" and 2 * images.pixels.nbytes > torch.cuda.mem_get_info(device)[0]:
        return images
    return replace(images, pixels=images.pixels.to(device))


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; to a GPU it is copied while the GPU is still computing."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def _check(
    images: Images,
    batch_size: int,
    order: Int64[Tensor, " chosen"],
    augmentation: Augmentation,
    first_batch: int,
) -> None:
    if batch_size < 1 or first_batch < 0:
        raise ConfigError(
            f"batches need a size of at least 1 and a first one from 0, "
            f"not {batch_size} and {first_batch}"
        )
    if len(order) and not 0 <= int(order.min()) <= int(order.max()) < len(images):
        raise ConfigError(f"the order names images that are not among the {len(images)} there are")
    side = min(images.size)
    if augmentation.pad >= side:
        raise ConfigError(
            f"augmentation.pad is {augmentation.pad}, but must be below the images' side of "
            f"{side} pixels: a window could else miss the image"
        )


def _pixels(
    images: Images, chosen: Sequence[Tensor], draws: Draws
) -> Generator[Tensor, None, None]:
    """Yield the pixels of every batch, cropped where crops were drawn, not yet mirrored.

    chosen: for each batch, the numbers of its images.
    """
    if isinstance(images, LabelledImages) and images.is_sized and draws.crops is None:
        return (images.pixels[numbers.to(images.pixels.device)] for numbers in chosen)
    return _made_ahead(images, chosen, draws)


def _made_ahead(
    images: Images, chosen: Sequence[Tensor], draws: Draws
) -> Generator[Tensor, None, None]:
    crops = draws.crops

    def view(number: int) -> UInt8[np.ndarray, "height width 3"]:
        if crops is None:
            return images.sized(number)
        photograph = images.original(number)
        return resized_crop(photograph, crops.box(number, *photograph.size), images.size)

    numbers = chain.from_iterable(batch.tolist() for batch in chosen)
    ahead = _BATCHES_AHEAD * max(map(len, chosen), default=1)
    with closing(read_ahead(view, numbers, threads=usable_cores(), ahead=ahead)) as views:
        for batch in chosen:
            yield torch.from_numpy(np.stack(list(islice(views, len(batch)))))
