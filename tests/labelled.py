"""Which concept set consists of labels alone? One that remembers which of them were read."""

from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from prunescope.concepts.protocol import Annotation, Label


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Annotations without photographs. asked: of which images they were read, in turn."""

    annotations: tuple[Annotation, ...]
    labels: tuple[Label, ...]
    categories: tuple[str, ...]
    name: str = "labelled"
    fingerprint: str = "0" * 64
    asked: list[int] = field(default_factory=list)

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(f"{index}.png" for index in range(len(self.annotations)))

    def image_path(self, index: int) -> Path:
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        height, width = self.annotations[index].shape
        return Image.new("RGB", (width, height))

    def read_annotation(self, index: int) -> Annotation:
        self.asked.append(index)
        return self.annotations[index]
