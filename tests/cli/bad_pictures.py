"""What can be wrong with labelled images, their classes and channels, and what is their user told?

Every row of these tables belongs to what `docs/data.md` says.
"""

from cli.bad_networks import EVALUATE, ON_SET
from cli.world import NETWORK, Bad

_DISSECT = f"dissect {NETWORK} {ON_SET}"
_RUN = "run tiny.yaml --dry-run"

CHANNELS = {
    "a mean of pixels up to 255": Bad(
        f"{EVALUATE} --mean 123.675,116.28,103.53",
        ("--mean", "123.675", "by 255", "0.485,0.456,0.406"),
    ),
    "a std of pixels up to 255": Bad(
        f"{_DISSECT} --std 58.395,57.12,57.375", ("--std", "by 255", "0.229,0.224,0.225")
    ),
    "a negative mean": Bad(f"{_DISSECT} --mean 0.5,-0.5,0.5", ("--mean", "-0.5", "[0, 1]")),
    "a mean that is not a number": Bad(f"{EVALUATE} --mean nan,0,0", ("--mean", "nan", "[0, 1]")),
    "a recipe's mean of pixels up to 255": Bad(
        f"{_RUN} --set data.mean=[127.5,127.5,127.5]", ("data.mean", "by 255", "0.5,0.5,0.5")
    ),
    "a recipe's std above 1": Bad(
        f"{_RUN} --set dissection.std=[2,1,1]", ("dissection.std", "(0, 1]", "2,1,1")
    ),
}
