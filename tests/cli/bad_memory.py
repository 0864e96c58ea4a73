"""Which wrong networks, devices, axes and data are refused, and in which words?"""

from cli.world import NETWORK, Bad, replace

EVALUATE = f"evaluate {NETWORK} --weights dense.pth --num-classes 10 --data set/images"
DISSECT = f"dissect {NETWORK} --weights dense.pth --num-classes 10 --concepts broden:set"
CODE = "factories:grey"

MEMORY: dict[str, Bad] = {
    "a device of another machine": Bad(
        f"{EVALUATE} --device cuda:99", ('device is "cuda:99"', "this machine: it has cpu")
    ),
    "a word as a device": Bad(
        f"{DISSECT} --layer layer3 --device gpu", ('device is "gpu"', "it has cpu")
    ),
    "a study without a mean and std": Bad(
        f"run tiny.yaml --set network={CODE}", ("data.mean and data.std",)
    ),
    "a study with a mean alone": Bad(
        f"run tiny.yaml --set network={CODE} --set data.mean=0.5",
        ("give std (in a recipe data.std",),
    ),
    "axes of tokens for a map": Bad(
        f"{DISSECT} --layer layer3 --axes NLC --quantile 0.02",
        ("NLC as --axes does not fit", "layer3", "NHWC"),
    ),
    "a run's study that names code": Bad(
        "run run/study.yaml --out run",
        ("must not choose what is run", f'--set network="{CODE}"'),
        replace("run/study.yaml", NETWORK, CODE),
    ),
}
"""One wrong input of each kind."""
