"""What can be wrong where networks are evaluated in pairs, or without units, and what is said?"""

from pathlib import Path

from cli.world import LEVEL, NETWORK, Bad, save, with_nan
from predicted import said
from prunescope.results.evaluation import Evaluation


def _evaluation() -> None:
    about = {"network": NETWORK, "data": "set/images", "split": "val"}
    Evaluation.of(said([0, 2, 2, 3], [2, 2, 2, 3]), about).save("E")


def _damaged_evaluation() -> None:
    _evaluation()
    path = Path("E/predictions.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"x")


OF_TWO = f"--network {NETWORK} --num-classes 10 --data set/images"
ABLATE = f"ablate {NETWORK} --weights dense.pth --num-classes 10 --data set/images"

EVALUATIONS = {
    "two networks and the weights of one": Bad(
        f"evaluate dense.pth dense.pth --weights dense.pth {OF_TWO}", ("--weights", "A and B")
    ),
    "rounds of one network": Bad(
        f"evaluate {LEVEL} --data set/images --rounds 3", ("--rounds", "two networks")
    ),
    "a run as one of two networks": Bad(
        f"evaluate run {LEVEL} --data set/images --out E", ("A (run)", "one of its levels")
    ),
    "a dissection as one of two networks": Bad(
        f"evaluate dense.pth A {OF_TWO} --out E", ("B (A)", "it is no network")
    ),
    "one of two networks that is not there": Bad(
        f"evaluate dense.pth away.pth {OF_TWO}", ("B (away.pth)", "does not exist")
    ),
    "two networks that nothing names": Bad(
        "evaluate dense.pth wide.pth --data set/images", ("A (dense.pth)", "--network")
    ),
    "one of two networks that has other classes": Bad(
        f"evaluate seven.pth random --network {NETWORK} --num-classes 7 --data set/images",
        ("A (seven.pth)", "7 outputs", "10 classes"),
    ),
    "one of two networks that answers with nan": Bad(
        f"evaluate random dense.pth {OF_TWO} --out E",
        ("B (dense.pth)", "finite"),
        save("dense.pth", with_nan),
    ),
    "a place for two networks that holds something else": Bad(
        f"evaluate dense.pth dense.pth {OF_TWO} --out letters", ("letters", "letter.txt")
    ),
    "a place for one network that holds something else": Bad(
        f"evaluate {LEVEL} --data set/images --out letters", ("letters", "letter.txt")
    ),
    "rounds of a comparison without images": Bad("compare A B --rounds 2", ("--data",)),
    "dissections that are to be evaluated": Bad(
        "compare A B --data set/images --out C2", ("A (A)", "it is no network")
    ),
    "the IoU of an evaluation": Bad("summary E --iou 0.1", ("no IoU", "--iou"), _evaluation),
    "a damaged evaluation": Bad(
        "summary E", ("predictions.parquet", "checksum"), _damaged_evaluation
    ),
}
ABLATIONS = {
    "a place for an ablation that holds an evaluation": Bad(
        f"{ABLATE} --layer layer3 --unit 1 --out E",
        ("E is not empty and not an ablation", "evaluation.json"),
        _evaluation,
    ),
    "no unit to ablate": Bad(f"{ABLATE} --layer layer3", ("--unit", "--concept")),
    "a unit and a concept": Bad(f"{ABLATE} --layer layer3 --unit 1 --concept red", ("--concept",)),
    "a unit that is not there": Bad(f"{ABLATE} --layer layer3 --unit 16", ("16", "16 units")),
    "a unit twice": Bad(f"{ABLATE} --layer layer3 --unit 1 --unit 1", ("[1, 1]", "each once")),
    "a concept without a dissection": Bad(
        f"{ABLATE} --layer layer3 --concept red", ("red", "--dissection")
    ),
    "a concept that no unit sees": Bad(
        f"{ABLATE} --layer layer4 --concept reed --dissection A", ("layer4",)
    ),
    "a layer that nearly exists": Bad(
        f"{ABLATE} --layer layr3 --unit 1", ("layr3", 'mean "layer3"')
    ),
    "a layer without maps": Bad(f"{ABLATE} --layer linear --unit 1", ("linear", "map")),
    "fewer than no controls": Bad(
        f"{ABLATE} --layer layer3 --unit 1 --controls -1",
        ("--controls", "greater than or equal to 0"),
    ),
}
