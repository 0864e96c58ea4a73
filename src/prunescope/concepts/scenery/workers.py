"""How do several processes draw one set?

A worker runs this module as a program, so that user scripts need no `__main__` guard. It draws its
share of the pictures and writes their label maps to its standard output.
"""

import math
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import astuple
from pathlib import Path

import numpy as np

from prunescope.base.errors import StoreError
from prunescope.concepts.scenery.labels import PLANES
from prunescope.concepts.scenery.scene_set import SceneSet
from prunescope.concepts.scenery.writer import Planes, draw_pictures, save_labels


def draw_set(root: Path, scenes: SceneSet, *, workers: int, advance: Callable[[], None]) -> None:
    """Draw a whole set into `root`; its bytes do not depend on the number of workers.

    advance: called after each picture. Raises StoreError where a worker fails.
    """
    pictures, sheets = scenes.pictures(), []
    alone = draw_pictures(root, scenes, pictures)  # nothing is drawn until it is asked for
    with closing(_draw_together(root, scenes, workers) if workers > 1 else alone) as drawn:
        for planes in drawn:
            sheets.append(planes)
            advance()
    save_labels(root, pictures, sheets)


def _draw_together(root: Path, scenes: SceneSet, count: int) -> Generator[Planes, None, None]:
    """Yield the label maps of each picture, drawn in turn by this number of workers."""
    words = [sys.executable, "-m", __name__, root, *astuple(scenes), count]
    with ExitStack() as stack:
        workers = []
        for share in range(count):
            command = [str(word) for word in (*words, share)]
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            workers.append(stack.enter_context(worker))
            stack.callback(worker.kill)  # before its exit is awaited
        for step in range(len(scenes.pictures())):
            yield _next_planes(workers[step % count], scenes.size // 2)


def _next_planes(worker: subprocess.Popen[bytes], half: int) -> Planes:
    """Return a worker's next label maps. Raises StoreError with its last message if it ended."""
    assert worker.stdout is not None
    shape = (len(PLANES), half, half)
    sheet = worker.stdout.read(math.prod(shape))
    if len(sheet) == math.prod(shape):
        return np.frombuffer(sheet, dtype=np.uint8).reshape(shape)
    _, words = worker.communicate()
    reason = [f"exit status {worker.returncode}", *words.decode().strip().splitlines()][-1]
    raise StoreError(f"drawing the scenes failed: {reason}")


def _serve(root: str, *numbers: str) -> None:
    seed, size, train, val, count, share = map(int, numbers)
    scenes = SceneSet(seed=seed, size=size, train=train, val=val)
    for planes in draw_pictures(Path(root), scenes, scenes.pictures()[share::count]):
        sys.stdout.buffer.write(planes.tobytes())
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
