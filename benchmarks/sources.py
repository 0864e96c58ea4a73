"""How long does opening a COCO file as large as COCO itself take, and reading an image's map?"""

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from prunescope.results.provenance import environment

HEIGHT, WIDTH, CATEGORIES = 480, 640, 80
OPEN = """
import json, re, sys, time
from pathlib import Path
from prunescope.concepts import open_concepts

def memory():
    status = Path("/proc/self/status").read_text()  # ru_maxrss begins with the parent's
    return int(re.search("VmHWM:\\s*([0-9]+) kB", status)[1]) / 1024

before, cpu, started = memory(), time.process_time(), time.perf_counter()
concepts = open_concepts(f"coco:{sys.argv[1]}")
taken = {
    "seconds": time.perf_counter() - started,
    "cpu_seconds": time.process_time() - cpu,
    "peak_mib": memory(),
    "imports_mib": before,
    "images": len(concepts.images),
}
print(json.dumps(taken))
"""
READ = """
import json, statistics, sys, time
from prunescope.concepts import open_concepts

concepts = open_concepts(f"coco:{sys.argv[1]}")
walls, cpus = [], []
for turn in range(2):  # the first warms up
    for image in range(len(concepts.images)):
        wall, cpu = time.perf_counter(), time.process_time()
        concepts.read_annotation(image)
        if turn:
            walls.append(1000 * (time.perf_counter() - wall))
            cpus.append(1000 * (time.process_time() - cpu))
medians = {"map_ms": statistics.median(walls), "map_cpu_ms": statistics.median(cpus)}
print(json.dumps(medians | {"maps": len(walls)}))
"""


def main() -> None:
    """Print one JSON object: medians over fresh processes, and the conditions. Linux only.

    seconds, cpu_seconds: of opening a file of so many images and polygons, the median of the runs
    after the first. peak_mib: of the whole process, imports_mib of it before.
    map_ms, map_cpu_ms: of reading the map of an image of 480 x 640 with ten objects, medians.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--polygons", type=int, default=860_000)
    parser.add_argument("--maps", type=int, default=200, help="images of ten objects")
    parser.add_argument("--runs", type=int, default=3, help="after a first one")
    asked = parser.parse_args()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder, "large.json"), Path(folder, "small.json")
        Image.new("RGB", (WIDTH, HEIGHT)).save(Path(folder, name_of(0)))
        write_coco(large, asked.images, asked.polygons)
        write_coco(small, asked.maps, 10 * asked.maps)
        taken = [run(OPEN, large) for _ in range(asked.runs + 1)][1:]
        read = run(READ, small)
        size = large.stat().st_size
    names = ("seconds", "cpu_seconds", "peak_mib", "imports_mib")
    figures = {name: round(statistics.median(own[name] for own in taken), 2) for name in names}
    figures |= {"file_mib": round(size / 2**20, 1), "found": taken[0]["images"]}
    figures |= {name: round(value, 2) for name, value in read.items()}
    print(json.dumps({**vars(asked), **figures, "conditions": conditions}))


def run(program: str, path: Path) -> dict[str, float]:
    """Run a program on a file, in a process of its own."""
    command = [sys.executable, "-c", program, str(path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def name_of(image: int) -> str:
    """Return the file_name of an image."""
    return f"{image:012d}.jpg"


def write_coco(path: Path, images: int, polygons: int) -> None:
    """Write a file with all keys that COCO 2017 has; polygons of 8 to 43 corners are dealt out."""
    draw = random.Random(0)
    with path.open("w") as file:
        file.write('{"info": {}, "licenses": [], "images": [')
        for image in range(images):
            file.write((", " if image else "") + json.dumps(image_of(image)))
        file.write('], "annotations": [')
        for number in range(polygons):
            written = json.dumps(annotation_of(number, number % images, draw))
            file.write((", " if number else "") + written)
        categories = [
            {"supercategory": f"kind {n // 8}", "id": n + 1, "name": f"thing {n}"}
            for n in range(CATEGORIES)
        ]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def image_of(image: int) -> dict[str, object]:
    """Return an image as COCO 2017 lists it."""
    return {
        "license": 3,
        "file_name": name_of(image),
        "coco_url": f"http://images.cocodataset.org/train2017/{name_of(image)}",
        "height": HEIGHT,
        "width": WIDTH,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
        "id": image + 1,
    }


def annotation_of(number: int, image: int, draw: random.Random) -> dict[str, object]:
    """Return an annotation with a star-shaped polygon, 15 to 100 pixels from its middle."""
    x, y, far = draw.uniform(100, 540), draw.uniform(100, 380), draw.uniform(30, 100)
    corners = draw.randrange(8, 44)
    polygon = []
    for corner in range(corners):
        angle, reach = 2 * math.pi * corner / corners, draw.uniform(0.5, 1) * far
        polygon += [round(x + reach * math.cos(angle), 2), round(y + reach * math.sin(angle), 2)]
    return {
        "segmentation": [polygon],
        "area": round(far * far, 4),
        "iscrowd": 0,
        "image_id": image + 1,
        "bbox": [round(x - far, 2), round(y - far, 2), round(2 * far, 2), round(2 * far, 2)],
        "category_id": draw.randrange(CATEGORIES) + 1,
        "id": number + 1,
    }


if __name__ == "__main__":
    main()
