"""What do 200,000 images, 5,000 labels and 8,192 units take, step by step?"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from prunescope.results.provenance import environment

CATEGORIES = ("object", "scene")
SIDE, MAP_SIDE = 8, 4
PICTURES, MAPS, LABELS_OF_A_MAP = 500, 1_000, 4
IN_A_FOLDER = 1_000
NETWORK = """
import torch
from torch import nn

def make(num_classes=2, units={units}):
    \"\"\"Return a layer of so many units with two cells, one for each half of a picture.\"\"\"
    network, half = nn.Sequential(), ({side}, {side} // 2)
    network.add_module("units", nn.Conv2d(3, units, half, stride=half))
    network.add_module("relu", nn.ReLU())
    return network
"""
OPEN = """
from prunescope.concepts import open_concepts
concepts = open_concepts(sys.argv[1])
measured("open")
"""
FINGERPRINT = """
from prunescope.concepts import open_concepts
concepts = open_concepts(sys.argv[1])
begin()
concepts.fingerprint
measured("fingerprint")
"""
DISSECT = """
sys.path.insert(0, sys.argv[2])
import torch, wide, prunescope as ps
torch.set_num_threads(1)
torch.manual_seed(0)
limit, association = int(sys.argv[4]), bool(sys.argv[5:])
begin()
found = ps.dissect(
    wide.make(), "units", sys.argv[1], resolution={side}, mean=(0.5,) * 3, std=(0.25,) * 3,
    batch_size=128, limit=limit, association=association,
)
measured("dissect_association" if association else "dissect")
if not association:
    begin()
    found.save(sys.argv[3])
    measured("save")
"""
BEGIN = """
import json, re, sys, time
from pathlib import Path

def begin():
    global started, cpu
    started, cpu = time.perf_counter(), time.process_time()

def measured(step):
    status = Path("/proc/self/status").read_text()
    peak = int(re.search("VmHWM:\\\\s*([0-9]+) kB", status)[1]) / 1024
    print(json.dumps({"step": step, "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu, "peak_mib": peak}), file=sys.stderr)

begin()
"""
COMMAND = """
from prunescope.cli import main
step, *sys.argv[1:] = sys.argv[1:]
try:
    main()
except SystemExit as end:
    if end.code:
        raise
measured(step)
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "summary": ("summary", "A", "--draws", "0"),
    "compare": ("compare", "A", "B", "--draws", "0"),
    "compare_out": ("compare", "A", "B", "--draws", "0", "--out", "C"),
    "compare_profile": ("compare", "A", "B", "--draws", "0", "--match", "profile"),
    "summary_draws": ("summary", "A", "--draws", "{draws}"),
    "report": ("report", "A", "--concepts", "{concepts}"),
}


def main() -> None:
    """Print one JSON object: of each step its seconds, processor seconds and memory at the peak.

    Every step is a process of its own; its memory includes Python and what it imports. Pictures
    are 8 pixels and label maps 4 pixels across, hard links to a few hundred. A layer whose units
    have two cells is dissected for real, without Pearson and AUPRC, and once more with them on a
    few images, since their memory does not depend on how many there are. B is a copy of A.
    """
    given = arguments()
    conditions = environment()
    steps: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=given.place) as name:
        folder = Path(name)
        write_set(folder / "set", given.images, given.labels)
        (folder / "wide.py").write_text(NETWORK.format(units=given.units, side=SIDE))
        concepts = f"broden:{folder / 'set'}"
        dissect = BEGIN + DISSECT.replace("{side}", str(SIDE))
        words = [concepts, name, str(folder / "A")]
        for program in (OPEN, FINGERPRINT, FINGERPRINT.replace('"f', '"again_f')):
            steps |= run_program(BEGIN + program, words, folder)
        steps |= run_program(dissect, [*words, str(given.dissected)], folder)
        steps |= run_program(dissect, [*words, str(given.associated), "association"], folder)
        shutil.copytree(folder / "A", folder / "B")
        for step, command in COMMANDS.items():
            filled = [word.format(draws=given.draws, concepts=concepts) for word in command]
            if step in given.steps or not given.steps:
                steps |= run_program(BEGIN + COMMAND, [step, *filled], folder)
        sizes = {
            path.name: round(path.stat().st_size / 2**20, 1)
            for path in sorted((folder / "A" / "units").iterdir())
        }
    counts_mib = round(given.units * given.labels * 8 / 2**20)
    figures = {"counts_mib": counts_mib, "steps": steps, "files_mib": sizes}
    asked = {name: value for name, value in vars(given).items() if name not in ("place", "steps")}
    print(json.dumps(figures | asked | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--dissected", type=int, default=200_000, help="of these, the first")
    parser.add_argument("--associated", type=int, default=2_000, help="in dissect_association")
    parser.add_argument("--labels", type=int, default=5_000)
    parser.add_argument("--units", type=int, default=8_192)
    parser.add_argument("--draws", type=int, default=10, help="of images, in summary_draws")
    parser.add_argument("--place", type=Path, help="a folder with some GB free")
    parser.add_argument("--steps", nargs="*", default=(), choices=COMMANDS, help="after the first")
    return parser.parse_args()


def write_set(folder: Path, images: int, labels: int) -> None:
    """Write a set in Broden's layout: each picture has a map of four objects, and a scene."""
    draw, noise = random.Random(0), np.random.default_rng(0)
    scenes = max(1, labels // 5)
    objects = labels - scenes
    store = folder / "images"
    for kind in ("picture", "map"):
        (store / kind).mkdir(parents=True)
    pictures = [store / "picture" / f"{number}.png" for number in range(min(PICTURES, images))]
    for path in pictures:
        Image.fromarray(noise.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(path)
    maps = [store / "map" / f"{number}.png" for number in range(min(MAPS, images))]
    for place, path in enumerate(maps):
        first = place * LABELS_OF_A_MAP
        numbers = np.arange(first, first + LABELS_OF_A_MAP) % objects + 1
        cells = np.repeat(numbers, MAP_SIDE**2 // LABELS_OF_A_MAP).reshape(MAP_SIDE, MAP_SIDE)
        red, green = cells % 256, cells // 256
        pixels = np.stack([red, green, np.zeros_like(red)], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(path)
    lines = ["image,split,ih,iw,sh,sw,object,scene"]
    for number in range(images):
        part = f"{number // IN_A_FOLDER:04d}"
        if number % IN_A_FOLDER == 0:
            for kind in ("p", "m"):
                (store / kind / part).mkdir(parents=True)
        image, labelled = f"p/{part}/{number}.png", f"m/{part}/{number}.png"
        os.link(draw.choice(pictures), store / image)
        os.link(maps[number % len(maps)], store / labelled)
        scene = objects + 1 + number % scenes
        sizes = f"{SIDE},{SIDE},{MAP_SIDE},{MAP_SIDE}"
        lines.append(f"{image},train,{sizes},{labelled},{scene}")
    (folder / "index.csv").write_text("\n".join([*lines, ""]))
    names = [f"{number},label {number}" for number in range(1, labels + 1)]
    (folder / "label.csv").write_text("\n".join(["number,name", *names, ""]))
    (folder / "category.csv").write_text("\n".join(["name", *CATEGORIES, ""]))
    for category, own in (
        ("object", range(1, objects + 1)),
        ("scene", range(objects + 1, labels + 1)),
    ):
        rows = [f"{number},1.5" for number in own]
        (folder / f"c_{category}.csv").write_text("\n".join(["number,coverage", *rows, ""]))


def run_program(program: str, words: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Return what a program measured of its steps, by their names."""
    command = [sys.executable, "-c", program, *words]
    cache = {"PRUNESCOPE_CACHE": str(folder / "cache")}
    ended = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env=os.environ | cache
    )
    if ended.returncode:
        raise SystemExit(ended.stderr)
    said = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith('{"step"')]
    found = {each.pop("step"): rounded(each) for each in said}
    print(found, file=sys.stderr)
    return found


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Return values with two digits after the point."""
    return {name: round(value, 2) for name, value in values.items()}


if __name__ == "__main__":
    main()
