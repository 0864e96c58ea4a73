"""How much longer is a dissection of a set in another format than in Broden's layout?"""

import argparse
import json
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


def main() -> None:
    """Print one JSON object: ratios of seconds over pairs that take turns, and the conditions.

    coco: made-up photographs of 480 x 640, ten polygons each. voc: the first map of each of them.
    Each is dissected once it is opened and its fingerprint known, and so is what it converts to.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = {
            kind: ratio_of(concepts, root / kind, asked)
            for kind, concepts in made_up(root, asked.images).items()
        }
    print(json.dumps({**found, **vars(asked), "conditions": conditions}))


def ratio_of(concepts: ConceptSet, folder: Path, asked: argparse.Namespace) -> dict[str, float]:
    """Return the median ratio, its range, and the median seconds of either side."""
    converted = convert_concepts(concepts, folder / BRODEN)
    network = load_network(asked.network)  # its weights are random
    sides = {"own": concepts, BRODEN: converted}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for pair in range(asked.pairs + 1):  # the first warms up
        for side in sorted(sides, reverse=pair % 2 == 1):
            _ = sides[side].fingerprint
            started = time.perf_counter()
            dissect(network, asked.layer, sides[side])
            seconds[side].append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(seconds["own"][1:], seconds[BRODEN][1:], strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
        "seconds": round(statistics.median(seconds["own"][1:]), 2),
        "broden_seconds": round(statistics.median(seconds[BRODEN][1:]), 2),
    }


def made_up(root: Path, images: int) -> dict[str, ConceptSet]:
    """Write a COCO file, and a folder in VOC's layout, of the same photographs."""
    coco, voc = root / "coco.json", root / "voc"
    write_coco(coco, images, 10 * images)
    (voc / "SegmentationClass").mkdir(parents=True)
    (voc / "JPEGImages").mkdir()
    for image in range(images):
        draw = np.random.default_rng(image)
        coarse = Image.fromarray(draw.integers(0, 256, (24, 32, 3), np.uint8))
        coarse.resize((WIDTH, HEIGHT)).save(root / name_of(image), quality=90)
    read = open_concepts(f"coco:{coco}")
    for image, name in enumerate(read.images):
        indices = read.read_annotation(image).planes[0]
        Image.fromarray(indices.astype(np.uint8)).save(
            voc / "SegmentationClass" / f"{Path(name).stem}.png"
        )
        (voc / "JPEGImages" / name).symlink_to(root / name)
    names = [label.name for label in read.labels]
    (voc / "class_names.txt").write_text("\n".join(["background", *names]))
    return {"coco": read, "voc": open_concepts(f"voc:{voc}")}


if __name__ == "__main__":
    main()
