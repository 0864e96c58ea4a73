"""How much longer is a whole dissection than decoding the images and one bare forward pass?"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, get_args

import torch
from PIL import Image
from torch import nn

from prunescope import dissect
from prunescope.base import arithmetic, folding
from prunescope.base.allocator import keep_freed_memory
from prunescope.base.compiling import Compiled
from prunescope.base.devices import default_device
from prunescope.base.images import Arithmetic, Precision
from prunescope.base.modes import exact_arithmetic
from prunescope.base.progress import Progress
from prunescope.base.reading import read_ahead
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, ConceptSet
from prunescope.dissection import capture, first_pass, forward, overlap, passes
from prunescope.dissection.image_counts import ImageCounts
from prunescope.dissection.input import input_of
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.normalise import normalise
from prunescope.imaging.sizing import Sizing
from prunescope.networks.loading import load_network
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.provenance import environment

WHOLE, BARE = "whole", "bare"


def main() -> None:
    """Print one JSON object: the ratio over alternating pairs, its phases, and its conditions.

    Either side decodes every image and shows it to the network, in the same batches, threads and
    precision. The bare one shows it plainly: contiguous in float32, operation by operation. The
    whole one computes by the arithmetic asked for, reads the label maps, counts, and saves its
    result. Two things are in neither: the fingerprint of the set, which is kept, and the seconds of
    compiling, which stand alone.
    """
    given = arguments()
    if given.only:
        print(json.dumps(alone(given)))
        return
    conditions = environment()
    job = Job(given)
    seconds: dict[str, list[float]] = {WHOLE: [], BARE: []}
    phases: list[dict[str, float]] = []
    on_gpu = job.device.type == "cuda"
    for pair in range(given.pairs + 1):  # the first warms up
        sides = [WHOLE, BARE] if pair % 2 else [BARE, WHOLE]
        for side in sides:
            with ExitStack() as stack:
                spent = {} if on_gpu else stack.enter_context(timed_phases())
                seconds[side].append(job.time(side))
            if side == WHOLE:
                if job.compiling and spent:
                    spent["forward"] -= job.compiling[-1]
                phases.append(spent)
    if on_gpu:  # on which to wait for the end of each phase takes time of its own
        with timed_phases() as spent:
            job.whole()
        phases = [{}, spent]
    ratios = [a / b for a, b in zip(seconds[WHOLE][1:], seconds[BARE][1:], strict=True)]
    bare = statistics.median(seconds[BARE][1:])
    figures = {
        "ratio": spread(ratios),
        "images": len(job.concepts.images),
        "bare_images_per_second": round(len(job.concepts.images) / bare, 1),
        "phases_of_bare": {
            name: round(statistics.median(p.get(name, 0.0) for p in phases[1:]) / bare, 3)
            for name in sorted({name for spent in phases for name in spent})
        },
        "compiling_seconds": job.compiling
        and {
            "first": round(job.compiling[0], 1),
            "again": round(statistics.median(job.compiling[1:]), 1),
        },
        "passes": dict(job.found.passes),
        "change_from_float32": job.change() if given.precision == "bf16" else None,
        "peak_mib": {side: memory_of(side) for side in (WHOLE, BARE)} if given.memory_too else None,
        **vars(given),
        "threads": torch.get_num_threads(),
        "device": str(job.device),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="torchvision:resnet18")
    parser.add_argument("--weights", help="a state dict; random weights without", default=None)
    parser.add_argument("--num-classes", type=int, default=None)
    parser.add_argument("--layer", action="append", help="may be repeated  [default: layer4]")
    parser.add_argument("--concepts", default="scenes", help="scenes or broden:DIR")
    parser.add_argument("--images", type=int, default=200, help="the first so many of the set")
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    parser.add_argument(
        "--arithmetic", choices=get_args(Arithmetic), default=None, help="of the whole one"
    )
    parser.add_argument("--memory", default="2GiB", help="budget for kept maps; 0 is two passes")
    parser.add_argument(
        "--repeat",
        type=int,
        default=None,
        help="decode them once, and show them over and over until so many",
    )
    parser.add_argument("--null", type=int, default=0, help="draws of chance in the whole one")
    parser.add_argument("--association", action="store_true", help="Pearson and AUPRC, too")
    parser.add_argument("--pairs", type=int, default=5, help="of timings, after a first one")
    parser.add_argument("--memory-too", action="store_true", help="peak memory of either side")
    parser.add_argument("--channels-last", action="store_true", help="plain, on both sides")
    parser.add_argument("--bare-channels-last", action="store_true", help="on the bare side alone")
    parser.add_argument("--plain-allocator", action="store_true", help="leave malloc as it is")
    parser.add_argument("--only", choices=[WHOLE, BARE], help="one run of one side: its memory")
    given = parser.parse_args()
    given.layer = given.layer or ["layer4"]
    if given.arithmetic is None:  # as `dissect` has it
        given.arithmetic = "plain" if given.precision == "bf16" else "folded"
    return given


class Job:
    """A network and the images it is shown, by either side."""

    def __init__(self, given: argparse.Namespace) -> None:
        weights = None if given.weights is None else Path(given.weights)
        loaded = load_network(given.network, weights=weights, num_classes=given.num_classes)
        self.given = given
        self.device = torch.device(default_device())
        self.network: nn.Module = loaded.module.to(self.device)
        self.concepts: ConceptSet = open_concepts(given.concepts, limit=given.images)
        if given.repeat is not None:
            self.concepts = Repeated(self.concepts, given.repeat, given.resolution)
        known = {} if loaded.input is None else {"mean": loaded.input.mean, "std": loaded.input.std}
        self.form: NetworkInput = input_of(self.network, resolution=given.resolution, **known)
        self.found = Dissection(layers={})
        self.told = Told()
        self.compiling: list[float] = []
        _ = self.concepts.fingerprint
        if not given.plain_allocator:
            keep_freed_memory()

    def time(self, side: str) -> float:
        """Return the seconds one side takes, without those of compiling."""
        run: Callable[[], None] = self.whole if side == WHOLE else self.bare
        with timed_batches() as compiled:
            started = now()
            run()
            seconds = now() - started
        if len(compiled) > 1:
            self.compiling.append(compiled[0] - statistics.median(compiled[1:]))
            return seconds - self.compiling[-1]
        return seconds

    def whole(self) -> None:
        """Dissect, and save the result."""
        found = self.dissect(self.given.precision)
        with tempfile.TemporaryDirectory() as folder:
            found.save(Path(folder) / "D")
        self.found = found

    def dissect(self, precision: Precision) -> Dissection:
        """Dissect as asked for, but in this precision."""
        given = self.given
        more = {"null": given.null} if given.null else {}
        return dissect(
            self.network,
            given.layer,
            self.concepts,
            batch_size=given.batch_size,
            precision=precision,
            arithmetic=given.arithmetic if precision == given.precision else "plain",
            channels_last=given.channels_last,
            memory=given.memory,
            association=given.association,
            progress=self.told,
            **vars(self.form),
            **more,
        )

    def change(self) -> dict[str, dict[str, Any]]:
        """Return how the result of each layer differs between float32 and bfloat16."""
        exact, rough = self.dissect("float32"), self.dissect("bf16")
        return {layer: difference(exact[layer], rough[layer]) for layer in exact.layers}

    def bare(self) -> None:
        """Decode, in the background too, and show every image to the whole network."""
        count, size = len(self.concepts.images), self.given.batch_size
        ranges = [range(i, min(i + size, count)) for i in range(0, count, size)]
        bf16 = self.given.precision == "bf16"
        last = bf16 or self.given.channels_last or self.given.bare_channels_last
        with (
            torch.inference_mode(),
            exact_arithmetic(self.device, self.given.precision),
            closing(read_ahead(self._read, ranges)) as batches,
        ):
            for pixels in batches:
                on_device = torch.from_numpy(pixels).to(self.device)
                self.network(normalise(on_device, self.form, channels_last=last))

    def _read(self, images: range) -> Any:
        return forward.read_pixels(self.concepts, images, self.form.resolution)


class Told(Progress):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)


class Repeated:
    """A concept set as large as one likes, of a few images that are decoded and sized already."""

    def __init__(self, concepts: ConceptSet, count: int, side: int) -> None:
        places = range(len(concepts.images))
        self.name, self.fingerprint = f"{concepts.name}, repeated", concepts.fingerprint
        self.categories, self.labels = concepts.categories, concepts.labels
        square = Sizing(resolution=side)
        self._pictures = [square.apply(concepts.read_image(place)) for place in places]
        self._annotations = [concepts.read_annotation(place) for place in places]
        self.images = tuple(
            f"{i // len(places)}/{concepts.images[i % len(places)]}" for i in range(count)
        )

    def image_path(self, index: int) -> Path:
        """Return a name; there is no such file."""
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        """Return an image, decoded before."""
        return Image.fromarray(self._pictures[index % len(self._pictures)])

    def read_annotation(self, index: int) -> Annotation:
        """Return its labels, read before."""
        return self._annotations[index % len(self._annotations)]


def difference(a: LayerDissection, b: LayerDissection) -> dict[str, Any]:
    """Return units and concepts in a and in b, and how far labels and best IoUs differ."""
    moved = (a.units["iou"] - b.units["iou"]).abs()
    label, other = (side.units["label"].fillna(-1) for side in (a, b))
    return {
        "interpretable": [side.summary["interpretable"] for side in (a, b)],
        "concepts": [side.summary["concepts"] for side in (a, b)],
        "same_label": round(float((label == other).mean()), 3),
        "iou": {"median": round(float(moved.median()), 5), "most": round(float(moved.max()), 5)},
    }


def digest_of(found: Dissection) -> str:
    """Return the beginning of the sha256 of all that a dissection saves."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "D")
        for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def alone(given: argparse.Namespace) -> dict[str, Any]:
    """Run one side once; return its peak memory, its seconds, and what the whole one came to."""
    conditions = environment()
    job = Job(given)
    seconds = job.time(given.only)
    status = Path("/proc/self/status").read_text()  # ru_maxrss would begin with the parent's
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    figures: dict[str, Any] = {"seconds": round(seconds, 2), "peak_mib": round(peak)}
    if given.only == WHOLE:
        figures |= {"passes": dict(job.found.passes), "told": job.told.lines}
        figures |= {"digest": digest_of(job.found)}
    return {**figures, **vars(given), "conditions": conditions}


def memory_of(side: str) -> int:
    """Return the peak memory of one side in a process of its own, in MiB."""
    command = [sys.executable, *sys.argv, "--only", side]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return int(json.loads(said.stdout.splitlines()[-1])["peak_mib"])


@contextmanager
def timed_phases() -> Iterator[dict[str, float]]:
    """Time what the main thread spends in each part of a dissection, by wrapping it."""
    spent: dict[str, float] = {}
    places: list[tuple[Any, str, str]] = [
        (forward, "show", "forward"),
        (Compiled, "_compute", "forward"),
        (arithmetic, "trace", "folding"),
        (arithmetic, "show", "folding"),
        (folding, "_fold", "folding"),
        (capture, "_copied", "capture"),
        (forward, "check_finite", "capture"),
        (first_pass.FirstPass, "add", "thresholds and kept maps"),
        (first_pass.FirstPass, "end", "thresholds and kept maps"),
        (passes, "limit_memory", "thresholds and kept maps"),
        (overlap.OverlapTally, "_measure", "tally"),
        (overlap.OverlapTally, "_take", "tally"),
        (ImageCounts, "add", "tally"),
        (Dissection, "save", "saving"),
    ]
    former = [getattr(place, name) for place, name, _ in places]
    for (place, name, phase), function in zip(places, former, strict=True):
        setattr(place, name, _timed(function, phase, spent))
    try:
        yield spent
    finally:
        for (place, name, _), function in zip(places, former, strict=True):
            setattr(place, name, function)


@contextmanager
def timed_batches() -> Iterator[list[float]]:
    """Time each batch that a compiled network is shown; it is compiled during the first."""
    seconds: list[float] = []
    place: Any = Compiled
    compute = place._compute

    def timed(*arguments: Any) -> None:
        started = now()
        compute(*arguments)
        seconds.append(now() - started)

    place._compute = timed
    try:
        yield seconds
    finally:
        place._compute = compute


def _timed(function: Callable[..., Any], phase: str, spent: dict[str, float]) -> Any:
    def timed(*arguments: Any, **named: Any) -> Any:
        started = now()
        try:
            return function(*arguments, **named)
        finally:
            spent[phase] = spent.get(phase, 0.0) + now() - started

    return timed


def now() -> float:
    """Return the time at which all that was asked of a GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and most."""
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


if __name__ == "__main__":
    main()
