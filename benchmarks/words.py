"""How long does it take to find the words of a layer's units, once everything is encoded?"""

import argparse
import json
import resource
import time

import numpy as np
import torch

from prunescope.base.progress import SILENT
from prunescope.dissection.words.embedding import Embedded
from prunescope.dissection.words.judging import (
    by_plain_correlation,
    by_soft_wpmi,
    steps_of,
)
from prunescope.dissection.words.settings import WordSettings
from prunescope.results.provenance import environment


def main() -> None:
    """Print one JSON object: seconds by either score, those of the processor, and the conditions.

    Activations and embeddings are made up. Nothing is read, and no network is shown.
    """
    given = arguments()
    conditions = environment()
    numbers = np.random.default_rng(0)
    active = torch.from_numpy(
        np.maximum(numbers.normal(size=(given.images, given.units)), 0).astype(np.float32)
    )
    embedded = Embedded(
        words=tuple(map(str, range(given.words))),
        of_images=rows(numbers, given.images, given.size),
        of_words=rows(numbers, given.words, given.size),
    )
    settings = WordSettings(words="-", encoder="-", word_draws=given.draws)
    seconds = {}
    with SILENT.task("words", steps_of(given.words, settings)) as task:
        for name, judge in (("soft_wpmi", by_soft_wpmi), ("correlation", by_plain_correlation)):
            started, processor = time.perf_counter(), time.process_time()
            judge(embedded, active, settings, task)
            seconds[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
            seconds[f"{name}_processor_seconds"] = round(time.process_time() - processor, 2)
    figures = {
        **seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **vars(given),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures | {"conditions": conditions}))


def rows(numbers: np.random.Generator, count: int, size: int) -> torch.Tensor:
    """Return rows of length 1."""
    drawn = torch.from_numpy(numbers.normal(size=(count, size)))
    scaled: torch.Tensor = drawn / drawn.norm(dim=1, keepdim=True)
    return scaled


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=2048)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--words", type=int, default=20000)
    parser.add_argument("--size", type=int, default=512, help="of the encoder's rows")
    parser.add_argument("--draws", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
