"""How does a network for semantic segmentation label photographs, as a concept set?"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from jaxtyping import Float32, Int32
from torch import Tensor
from torch.nn import functional as F

from prunescope.base.arguments import takes
from prunescope.base.devices import default_device
from prunescope.base.errors import ConfigError, InputError, memory_ran_out, nearest, reason_of
from prunescope.base.files import cannot_write
from prunescope.base.folders import replacing
from prunescope.base.modes import exact_arithmetic, in_mode, on_device
from prunescope.base.modules import hash_weights
from prunescope.base.paths import require_place
from prunescope.base.progress import SILENT, Progress
from prunescope.base.reading import read_ahead
from prunescope.base.user_code import raised
from prunescope.base.versions import versions_here
from prunescope.concepts import open_concepts
from prunescope.concepts.broken import advising
from prunescope.concepts.label_makers import save_makers
from prunescope.concepts.mask_writing import MaskWriter
from prunescope.concepts.naming import title_of
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.sources.masks import MaskFolder
from prunescope.experiment.handed_in import path_or_name
from prunescope.networks.segmentation.opening import open_segmenter
from prunescope.networks.segmentation.segmenter import Segmenter, logits_of
from prunescope.networks.segmentation.settings import (
    NOTHING,
    SegmentationOptions,
    SegmentationSettings,
)

_BACKGROUNDS = ("__background__", "background")
_WAITING = 4  # batches of photographs of different sizes, until the fullest is shown


@takes(SegmentationSettings)
def segment(
    images: Path | str,
    model: str,
    out: Path | str,
    *,
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[SegmentationOptions],
) -> MaskFolder:
    """Label photographs by a network and write them as a concept set, `masks:OUT`; return it.

    images: a folder of photographs, or the name of a concept set, whose own labels are not used.
    out: a new folder; it appears when it is complete.
    device: where to compute; a GPU if there is one when None.
    progress: where to report.
    Each photograph gets a label map of its proportions and at most its size. A pixel carries the
    class with the highest logit, upsampled bilinearly; ties go to the class that is listed first.
    The set records the network and its weights, and whatever is made with it says so.
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    texts = {name: str(settings[name]) for name in ("weights", "names") if settings.get(name)}
    stated = SegmentationSettings.validate_from({"model": model, **settings, **texts}, "segment")
    place = Path(path_or_name(out, "out", "a folder"))
    require_place(place)
    if place.exists() and any(place.iterdir()):
        raise ConfigError(f"{place} is not empty: give a folder of its own as --out")
    source = path_or_name(images, "images", "a folder of photographs or the name of a concept set")
    concepts = open_concepts(
        f"images:{source}" if Path(source).expanduser().is_dir() else source,
        split=stated.split,
        limit=stated.limit,
        skip_broken=stated.skip_broken,
        progress=progress,
    )
    labelling = _Labelling.of(open_segmenter(stated), stated)
    with replacing(place) as draft:
        writer = MaskWriter(draft, concepts)
        try:
            with on_device(labelling.segmenter.module, device or default_device()) as target:
                labelling.write(concepts, writer, target, progress)
            writer.save_names(labelling.names)
            save_makers(draft, [labelling.record(concepts)])
        except OSError as error:
            raise cannot_write(place, error) from error
    return MaskFolder.open(place)


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A photograph as the network sees it, and the size that its label map gets."""

    index: int
    pixels: Float32[Tensor, "channel height width"]
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Labelling:
    """A network that labels photographs.

    background: the class that is left out. names: every other class, and its value in maps.
    """

    segmenter: Segmenter
    settings: SegmentationSettings
    background: str | None
    names: list[tuple[str, int]]

    @classmethod
    def of(cls, segmenter: Segmenter, settings: SegmentationSettings) -> "_Labelling":
        """Return it. Raises ConfigError for a background that is no class, and for no other."""
        classes, background = segmenter.classes, settings.background
        if background is None:
            background = next((name for name in _BACKGROUNDS if name in classes), None)
        elif background == NOTHING:
            background = None
        elif background not in classes:
            raise ConfigError(
                f'{segmenter.name} has no class "{background}"{nearest(background, classes)}: give '
                f"one of its {len(classes):,} classes as the background, or {NOTHING}"
            )
        names = [(name, i) for i, name in enumerate(classes, start=1) if name != background]
        if not names or len(classes) < 2:
            raise ConfigError(
                f"{segmenter.name} has the one class {classes[0]}: give a network with an output "
                "for each class, the background among them"
            )
        return cls(segmenter=segmenter, settings=settings, background=background, names=names)

    def write(
        self, concepts: ConceptSet, writer: MaskWriter, device: torch.device, progress: Progress
    ) -> None:
        """Write every photograph and its label map."""
        indices, module = range(len(concepts.images)), self.segmenter.module

        def show(index: int) -> _Shown:
            with advising(concepts):
                picture = concepts.read_image(index)
            writer.save_picture(index, picture)
            pixels = self.segmenter.prepare(picture)
            size = _map_size(picture.height, picture.width, min(pixels.shape[1:]))
            return _Shown(index=index, pixels=pixels, size=size)

        def save(labelled: tuple[int, Int32[np.ndarray, "height width"]]) -> None:
            writer.save_map(*labelled)

        with (
            progress.task(f"labelling {concepts.name}", len(indices)) as task,
            in_mode(module, training=False),
            torch.inference_mode(),
            exact_arithmetic(device, "float32"),
            closing(read_ahead(show, indices)) as shown,
            closing(read_ahead(save, self._planes(shown, concepts, device))) as saved,
        ):
            for _ in saved:
                task.advance()

    def record(self, concepts: ConceptSet) -> dict[str, Any]:
        """Return what is recorded of the network, its weights and the settings."""
        settings = self.settings
        return {
            "model": self.segmenter.name,
            "weights": self.segmenter.weights,
            "sha256": hash_weights(self.segmenter.module),
            "input": dict(self.segmenter.seen),
            "background": self.background,
            "confidence": settings.confidence,
            "images": title_of(concepts.name),
            "split": settings.split,
            "limit": settings.limit,
            "versions": {**dict(versions_here()), **self.segmenter.made_by},
        }

    def _planes(
        self, shown: Iterable[_Shown], concepts: ConceptSet, device: torch.device
    ) -> Iterator[tuple[int, Int32[np.ndarray, "height width"]]]:
        """Yield the index and the label map of every photograph, as its batch is complete."""
        values = torch.zeros(len(self.segmenter.classes), dtype=torch.int32, device=device)
        for _, value in self.names:
            values[value - 1] = value
        for batch in _batches(shown, self.settings.batch_size):
            pixels = torch.stack([each.pixels for each in batch]).to(device)
            logits = self._logits(pixels, concepts.images[batch[0].index])
            for each, of_image in zip(batch, logits, strict=True):
                if not bool(of_image.isfinite().all()):
                    raise ConfigError(
                        f"{self.segmenter.name} answers with nan or infinity on "
                        f"{concepts.images[each.index]}"
                    )
                plane = label_pixels(of_image, values, each.size, self.settings.confidence)
                yield each.index, plane.cpu().numpy()

    def _logits(
        self, pixels: Float32[Tensor, "image channel height width"], image: str
    ) -> Float32[Tensor, "image class h w"]:
        try:
            answer = self.segmenter.module(pixels)
        except InputError:
            raise
        except Exception as error:  # whatever a user's network raises
            size = " x ".join(map(str, pixels.shape[2:]))
            cure = "; take a smaller --batch-size" if memory_ran_out(error) else ""
            why = reason_of(error) if memory_ran_out(error) else raised(error)
            raise ConfigError(
                f"{self.segmenter.name} cannot label {image}, shown at {size} pixels: {why}{cure}"
            ) from error
        return logits_of(answer, self.segmenter, len(pixels))


def label_pixels(
    logits: Float32[Tensor, "class h w"],
    values: Int32[Tensor, " class"],
    size: tuple[int, int],
    confidence: float,
) -> Int32[Tensor, "height width"]:
    """Return the value of the class with the highest logit of every pixel of a map.

    Logits are upsampled bilinearly, with half-pixel centres, to the size (height, width). Ties go
    to the lower class. Where the class's probability, by softmax, is below the confidence, it is 0.
    """
    if logits.shape[1:] != size:
        logits = F.interpolate(
            logits.unsqueeze(0), size=size, mode="bilinear", align_corners=False
        ).squeeze(0)
    highest, best = logits.max(dim=0)
    plane: Tensor = values[best]
    if confidence > 0:
        probability = (highest - logits.logsumexp(dim=0)).exp()
        plane = plane.masked_fill(probability < confidence, 0)
    return plane


def _map_size(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Return the size of an image's label map: the image's, its shorter side at most so long."""
    scale = min(1.0, shorter / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _batches(shown: Iterable[_Shown], size: int) -> Iterator[list[_Shown]]:
    """Yield photographs that the network sees in one size, so many at a time or fewer."""
    waiting: dict[tuple[int, ...], list[_Shown]] = {}
    for each in shown:
        shape = tuple(each.pixels.shape)
        waiting.setdefault(shape, []).append(each)
        fullest = max(waiting, key=lambda shape: len(waiting[shape]))
        if len(waiting[fullest]) >= size or sum(map(len, waiting.values())) >= _WAITING * size:
            yield waiting.pop(fullest)
    yield from waiting.values()
