"""Which dissection can be counted by hand, with images, maps and masks to draw on a page?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from layers import make_layer
from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation, Label
from prunescope.report.figures import render_figures
from prunescope.report.panels import Shown
from prunescope.report.style import LIGHT
from prunescope.results.dissection import Dissection, LayerDissection

HOSTILE = '<img src=x onerror="hacked=1">&</script><script>hacked=1</script>'
NAMES = ("a.png", "<b>.png", "c.png", "gone.png")
IMAGES = 4


@dataclass(frozen=True)
class Painted:
    """Pictures of 32 x 24 pixels whose left half is a cat, the last of them gone."""

    name: str = "painted"
    categories: tuple[str, ...] = ("color", "object")
    labels: tuple[Label, ...] = (
        Label(number=3, name="cat", category="object"),
        Label(number=1, name="red", category="color"),
    )
    images: tuple[str, ...] = NAMES
    fingerprint: str = "0" * 64
    read: list[int] = field(default_factory=list)

    def image_path(self, index: int) -> Path:
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        if self.images[index] == "gone.png":
            raise DataError("gone.png is missing")
        self.read.append(index)
        return Image.new("RGB", (32, 24), (60 * index + 90, 120, 150))

    def read_annotation(self, index: int) -> Annotation:
        plane = np.zeros((1, 12, 16), np.int32)
        plane[0, :, :8] = 3
        return Annotation(planes=plane, whole=(1,) if index == 0 else ())


def pictured(*units: dict[str, int], renamed: str = "", **conditions: Any) -> LayerDissection:
    """Return a layer as `make_layer` does, with an image for each unit and rank.

    The maps have 2 x 2 cells, 1 above the threshold of 0.5 on the left, 0 on the right.
    renamed: what the label cat is called instead.
    """
    layer = make_layer(*units, **conditions)
    table = layer.units.assign(threshold=0.5)
    if renamed:
        table = table.replace({"concept": {"cat": renamed}, "concept_2": {"cat": renamed}})
    rows = [
        {
            **{
                "unit": unit,
                "rank": rank,
                "image": NAMES[rank],
                "row": rank,
                "peak": 1.0 - rank / 8,
            },
            **{"map": np.array([1, 0, 1, 0], np.float32), "height": 2, "width": 2},
        }
        for unit in range(len(units))
        for rank in range(IMAGES)
    ]
    return LayerDissection(
        **{**vars(layer), "units": table, "examples": pd.DataFrame(rows)},
    )


def with_borderline(layer: LayerDissection, *, apart: bool = True) -> LayerDissection:
    """Return a layer that also names two images on which each unit barely fires, and its peaks.

    apart: whether they are no top images of it any more. The first mask is the image's lower right
    quarter, in maps of 2 x 2 cells. The peaks lie in four bins of 1/4 from 0 on.
    """
    units = layer.units["unit"].tolist()
    maps = [np.array([0, 0, 0, 1], np.float32), np.array([0, 1, 1, 1], np.float32)]
    rows = [
        {
            **{"unit": unit, "rank": rank, "image": NAMES[rank], "row": rank, "pixels": 48},
            **{"map": maps[rank], "height": 2, "width": 2},
        }
        for unit in units
        for rank in range(2)
    ]
    top = layer.examples
    if apart:
        top = top[top["rank"] >= 2].assign(rank=top["rank"] - 2)
    peaks = pd.DataFrame({"unit": units, "bin_width": 0.25, "first_bin": 0})
    peaks["counts"] = [np.array([5, 0, 3, 2]) for _ in units]
    return LayerDissection(
        **{**vars(layer), "examples": top, "borderline": pd.DataFrame(rows), "peaks": peaks},
    )


def dissection(layers: Sequence[LayerDissection]) -> Dissection:
    """Return layers by name."""
    return Dissection(layers={layer.layer: layer for layer in layers})


def read_chunk(page: Path, name: str) -> Any:
    """Return a part of a page's data."""
    text = (page.parent / "assets" / f"data-{name}.js").read_text("ascii")
    assert text.startswith(f'prunescope.receive("{name}",')
    return json.loads(text[text.index(",") + 1 :].removesuffix(");\n"))


def figures_of(shown: Shown) -> dict[str, bytes]:
    """Return the figures that the page of a study shows, as svg."""
    drawn = render_figures(shown, ("svg",), LIGHT)
    return {name: contents["svg"] for name, contents in drawn.items()}
