"""How is a concept set written as a data set of Hugging Face? `datasets` encodes and writes it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image, Sequence
from PIL import Image as Pillow

from prunescope.concepts.protocol import ConceptSet


def write_as_hub(concepts: ConceptSet, root: Path, form: str) -> str:
    """Save a set, and return the name under which it is opened.

    form: "maps" writes every plane as a map, and labels of whole images as classes; "objects"
        writes a mask for each label of an image, named by the type of its column.
    Maps are as large as their images: smaller ones are enlarged, each pixel to a square, so that
    `mask_size` of the former side gives them back.
    """
    # In Broden a name may be of two labels, in two categories
    names = [f"{label.name} {label.number}" for label in concepts.labels]
    index = {label.number: n for n, label in enumerate(concepts.labels)}
    member = {"mask": Image(), "category": ClassLabel(names=names)}
    shows = (
        {"maps": Sequence(Image()), "whole": Sequence(ClassLabel(names=names))}
        if form == "maps"
        else {"objects": [member]}
    )
    rows = _rows(concepts, form, index)
    features = Features({"image": Image(), **shows})
    root.mkdir(parents=True)
    Dataset.from_list(list(rows), features=features).save_to_disk(str(root / "set"))
    labels = list(zip(names, concepts.labels, strict=True))
    codes = [(name, label.number, label.category) for name, label in labels]
    _save(root / "codes.csv", ("name", "value", "category"), codes)
    _save(root / "names.csv", ("name", "label"), [(name, label.name) for name, label in labels])
    of_kinds = [(name, label.category) for name, label in labels]
    _save(root / "categories.csv", ("name", "category"), of_kinds)
    options = f",mask=maps,label=whole,classes={root}/codes.csv" if form == "maps" else ""
    return f"hf:{root / 'set'}{options},names={root}/names.csv,categories={root}/categories.csv"


def _rows(concepts: ConceptSet, form: str, index: dict[int, int]) -> Iterator[dict[str, Any]]:
    for image in range(len(concepts.images)):
        picture = concepts.read_image(image)
        annotation = concepts.read_annotation(image)
        factor = picture.height // annotation.shape[0]

        def enlarged(plane: np.ndarray, factor: int = factor) -> np.ndarray:
            return plane.repeat(factor, axis=0).repeat(factor, axis=1)

        if form == "maps":
            maps = [_png(enlarged(plane).astype(np.uint16)) for plane in annotation.planes]
            shown = {"maps": maps, "whole": [index[number] for number in annotation.whole]}
        else:
            shown = {
                "objects": [
                    {
                        "mask": _png(enlarged(mask).astype(np.uint8)),
                        "category": index[number],
                    }
                    for number in annotation.numbers()
                    for mask in [
                        (annotation.planes == number).any(axis=0) | (number in annotation.whole)
                    ]
                ]
            }
        yield {"image": picture, **shown}


def _png(plane: np.ndarray) -> dict[str, Any]:
    file = io.BytesIO()
    Pillow.fromarray(plane).save(file, "png", compress_level=1)
    return {"bytes": file.getvalue(), "path": None}


def _save(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
