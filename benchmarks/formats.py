"""How much longer is a dissection of a set in another format than in Broden's layout?"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from prunescope import dissect
from prunescope.concepts import open_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.networks.loading import load_network
from prunescope.results.provenance import environment
from sources import HEIGHT, WIDTH, name_of, write_coco

BRODEN = "broden"
KINDS = ["coco", "panoptic", "voc", "ade20k", "cityscapes", "hf"]


def main() -> None:
    """Print one JSON object: ratios of seconds over pairs that take turns, and the conditions.

    coco: made-up photographs of 480 x 640, ten polygons each. The other kinds: the first map of
    each, and of ADE20K also the second. Each is dissected once it is opened and its fingerprint
    known, and so is what it converts to. cpu_ratio: of the processor's seconds, which other work on
    the machine disturbs less.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "made").mkdir()
        found = {
            kind: ratio_of(concepts, root / kind, asked)
            for kind, concepts in made_up(root / "made", asked.images, asked.kinds).items()
        }
    load = os.getloadavg()[0]
    print(json.dumps({**found, **vars(asked), "load": load, "conditions": conditions}))


def ratio_of(concepts: ConceptSet, folder: Path, asked: argparse.Namespace) -> dict[str, float]:
    """Return the median ratio, its range, and the median seconds of either side."""
    converted = convert_concepts(concepts, folder / BRODEN)
    network = load_network(asked.network)  # its weights are random
    sides = {"own": concepts, BRODEN: converted}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    cpu: dict[str, list[float]] = {side: [] for side in sides}
    for pair in range(asked.pairs + 1):  # the first warms up
        for side in sorted(sides, reverse=pair % 2 == 1):
            _ = sides[side].fingerprint
            started, worked = time.perf_counter(), time.process_time()
            dissect(network, asked.layer, sides[side])
            seconds[side].append(time.perf_counter() - started)
            cpu[side].append(time.process_time() - worked)
    ratios, of_cpu = (
        [own / broden for own, broden in zip(of["own"][1:], of[BRODEN][1:], strict=True)]
        for of in (seconds, cpu)
    )
    return {
        "ratio": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
        "cpu_ratio": round(statistics.median(of_cpu), 3),
        "seconds": round(statistics.median(seconds["own"][1:]), 2),
        "broden_seconds": round(statistics.median(seconds[BRODEN][1:]), 2),
    }


def made_up(root: Path, images: int, kinds: list[str]) -> dict[str, ConceptSet]:
    """Write a COCO file, and the same photographs with the first of its maps in other formats."""
    coco = root / "coco.json"
    write_coco(coco, images, 10 * images)
    for image in range(images):
        draw = np.random.default_rng(image)
        coarse = Image.fromarray(draw.integers(0, 256, (24, 32, 3), np.uint8))
        coarse.resize((WIDTH, HEIGHT)).save(root / name_of(image), quality=90)
    read = open_concepts(f"coco:{coco}")
    writers = {
        "panoptic": write_panoptic,
        "voc": write_voc,
        "ade20k": write_ade20k,
        "cityscapes": write_cityscapes,
        "hf": write_hub,
    }
    found: dict[str, ConceptSet] = {"coco": read} if "coco" in kinds else {}
    for kind, write in writers.items():
        if kind in kinds:
            found[kind] = open_concepts(write(read, root))
    return found


def write_panoptic(read: ConceptSet, root: Path) -> str:
    """Write a panoptic file, a segment for each label of an image."""
    folder = root / "panoptic"
    folder.mkdir()
    images, annotations = [], []
    for image, name in enumerate(read.images):
        plane = read.read_annotation(image).planes[0]
        file = f"{Path(name).stem}.png"
        Image.fromarray(_in_red(plane)).save(folder / file)
        images.append({"id": image, "file_name": name, "height": HEIGHT, "width": WIDTH})
        segments = [{"id": int(n), "category_id": int(n)} for n in np.unique(plane) if n]
        annotations.append({"image_id": image, "file_name": file, "segments_info": segments})
    categories = [{"id": label.number, "name": label.name} for label in read.labels]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "panoptic.json").write_text(json.dumps(content))
    return f"coco:{root / 'panoptic.json'},images={root}"


def write_voc(read: ConceptSet, root: Path) -> str:
    """Write a folder in VOC's layout, with classes of its own."""
    voc = root / "voc"
    _link(read, root, voc / "JPEGImages", "{}.jpg")
    (voc / "SegmentationClass").mkdir()
    for image, name in enumerate(read.images):
        indices = read.read_annotation(image).planes[0].astype(np.uint8)
        Image.fromarray(indices).save(voc / "SegmentationClass" / f"{Path(name).stem}.png")
    names = [label.name for label in read.labels]
    (voc / "class_names.txt").write_text("\n".join(["background", *names]))
    return f"voc:{voc}"


def write_ade20k(read: ConceptSet, root: Path) -> str:
    """Write the full ADE20K, the second map of an image as its parts."""
    ade = root / "ade20k"
    folder = ade / "images/ADE/training"
    _link(read, root, folder, "{}.jpg")
    for image, name in enumerate(read.images):
        annotation = read.read_annotation(image)
        stem = Path(name).stem
        for plane, end in zip(annotation.planes, ("seg", "parts_1"), strict=False):
            Image.fromarray(_in_red_and_green(plane)).save(folder / f"{stem}_{end}.png")
        objects = [
            {"name": read.labels[n - 1].name, "name_ndx": n, "parts": {"part_level": 0}}
            for n in annotation.numbers()
        ]
        (folder / f"{stem}.json").write_text(json.dumps({"annotation": {"object": objects}}))
    return f"ade20k:{ade}"


def write_cityscapes(read: ConceptSet, root: Path) -> str:
    """Write a folder of Cityscapes, its classes those of the file in turns."""
    city = root / "cityscapes"
    _link(read, root, city / "leftImg8bit/train/made", "{}_leftImg8bit.jpg")
    (city / "gtFine/train/made").mkdir(parents=True)
    for image, name in enumerate(read.images):
        plane = read.read_annotation(image).planes[0]
        ids = np.where(plane > 0, (plane - 1) % 27 + 7, 0).astype(np.uint8)
        path = city / f"gtFine/train/made/{Path(name).stem}_gtFine_labelIds.png"
        Image.fromarray(ids).save(path)
    return f"cityscapes:{city}"


def write_hub(read: ConceptSet, root: Path) -> str:
    """Save a data set of Hugging Face, whose maps a JSON file names."""
    from datasets import Dataset, Features
    from datasets import Image as Column

    (root / "maps").mkdir()
    maps = []
    for image, name in enumerate(read.images):
        indices = read.read_annotation(image).planes[0].astype(np.uint8)
        maps.append(str(root / "maps" / f"{Path(name).stem}.png"))
        Image.fromarray(indices).save(maps[-1])
    columns = {"image": [str(root / name) for name in read.images], "mask": maps}
    table = Dataset.from_dict(columns, features=Features({"image": Column(), "mask": Column()}))
    table.save_to_disk(str(root / "hub"))
    names = {str(label.number): label.name for label in read.labels}
    (root / "id2label.json").write_text(json.dumps(names))
    return f"hf:{root / 'hub'},classes={root / 'id2label.json'}"


def _link(read: ConceptSet, root: Path, folder: Path, pattern: str) -> None:
    folder.mkdir(parents=True)
    for name in read.images:
        (folder / pattern.format(Path(name).stem)).symlink_to(root / name)


def _in_red(plane: np.ndarray) -> np.ndarray:
    nothing = np.zeros_like(plane)
    return np.stack([plane, nothing, nothing], axis=-1).astype(np.uint8)


def _in_red_and_green(plane: np.ndarray) -> np.ndarray:
    nothing = np.zeros_like(plane)
    return np.stack([plane // 256 * 10, plane % 256, nothing], axis=-1).astype(np.uint8)


if __name__ == "__main__":
    main()
