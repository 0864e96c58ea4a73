"""Does the memory of a process grow from stage to stage of a long study?"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

import torch

from prunescope.base.progress import Progress
from prunescope.concepts.scenery.scene_set import SceneSet
from prunescope.concepts.scenes import draw_scenes
from prunescope.experiment.run import run_study
from prunescope.recipe import Recipe
from prunescope.results.provenance import environment

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20
_STAGES_OF_A_LEVEL = 4


class Samples(Progress):
    """Memory of this process, in MiB, whenever a stage has been performed."""

    def __init__(self) -> None:
        self.mib: list[float] = []

    def say(self, message: str) -> None:
        """Take a sample where the message is that of a finished stage, which ends in its time."""
        if "replicate" in message and message.endswith(" s)"):
            self.mib.append(resident())


def main() -> None:
    """Print one JSON object: how memory grew over the stages, and samples of it.

    A process of one thread trains, evaluates, dissects and scores many tiny levels: every stage is
    the real one. Tables, figures and page, made once at the end, are not among the samples.
    """
    given = arguments()
    conditions = environment()
    torch.set_num_threads(1)
    samples = Samples()
    with tempfile.TemporaryDirectory() as folder:
        pictures = draw_scenes(Path(folder) / "set", SceneSet(train=10, val=10, size=32))
        recipe = study_of(given.stages, pictures)
        run_study(recipe, Path(folder) / "run", workers=1, progress=samples)
    print(json.dumps(grown(samples.mib, given.settled) | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=1_000, help="at least")
    parser.add_argument("--settled", type=int, default=200, help="stages before growth counts")
    return parser.parse_args()


def study_of(stages: int, pictures: Path) -> Recipe:
    """Return a study of about so many stages, each as small as can be."""
    levels = 24
    replicates = -(-stages // (_STAGES_OF_A_LEVEL * (levels + 1)))
    values: dict[str, Any] = {
        "name": "long",
        "network": "cifar_resnet20,width=0.25",
        "data": {"source": str(pictures / "images"), "test_split": "val"},
        "training": {
            **{"to": "2it", "batch_size": 10, "learning_rate": 0.01, "precision": "float32"},
            "weight_decay": 0.0001,
        },
        "pruning": {
            "rewind_to": "1it",
            "strategies": {"lottery": {"fraction": 0.1, "levels": levels}},
        },
        "concepts": {"source": f"broden:{pictures}"},
        "dissection": {"layers": ["layer3"], "quantile": 0.02},
        "resampling": {"draws": 0},
        "replicates": replicates,
    }
    return Recipe.validate_from(values, "the long study")


def grown(mib: Sequence[float], settled: int) -> dict[str, Any]:
    """Return by how much memory grew after so many stages, and a sample of each hundred stages."""
    late = mib[settled:]
    slope = linear_regression(range(len(late)), late).slope
    quarter = max(1, len(late) // 4)
    return {
        "stages": len(mib),
        "mib_per_1000_stages": round(1_000 * slope, 2),
        "last_quarter_over_first_mib": round(median(late[-quarter:]) - median(late[:quarter]), 1),
        "most_mib": round(max(mib), 1),
        "every_100th_mib": [round(each, 1) for each in mib[::100]],
        "settled": settled,
    }


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE / _MIB


if __name__ == "__main__":
    main()
