"""How is a concept set written as a COCO file? pycocotools encodes its masks."""

import json
from pathlib import Path

import numpy as np

from concepts.coco_files import compressed, uncompressed
from prunescope.concepts.protocol import ConceptSet


def write_as_coco(concepts: ConceptSet, root: Path) -> Path:
    """Write a set: an annotation for each label of an image, its category as supercategory.

    COCO's masks are as large as their images; smaller label maps are enlarged, each pixel to a
    square, so that `--mask-size` of the former side gives them back.
    """
    images, annotations = [], []
    for index, name in enumerate(concepts.images):
        picture = concepts.read_image(index)
        path = root / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, compress_level=1)
        size = {"height": picture.height, "width": picture.width}
        images.append({"id": index, "file_name": f"{name}.png", **size})
        annotation = concepts.read_annotation(index)
        factor = picture.height // annotation.shape[0]
        for number in annotation.numbers():
            mask = (annotation.planes == number).any(axis=0) | (number in annotation.whole)
            mask = mask.repeat(factor, axis=0).repeat(factor, axis=1).astype(np.uint8)
            encode = compressed if len(annotations) % 9 else uncompressed
            annotations.append(
                {
                    **{"id": len(annotations), "image_id": index, "category_id": number},
                    **{"iscrowd": 0, "segmentation": encode(mask)},
                }
            )
    categories = [
        {"id": label.number, "name": label.name, "supercategory": label.category}
        for label in concepts.labels
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(content))
    return root / "labels.json"
