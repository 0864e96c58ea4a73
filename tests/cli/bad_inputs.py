"""What is said of inputs that a network, or a set of concepts, cannot mean?"""

from cli.bad_concepts import LOADED
from cli.world import Bad

ON_SET = "--layer layer3 --concepts broden:set --out out"

BAD_INPUTS = {
    "a quantile counted from below": Bad(
        f"dissect {LOADED} {ON_SET} --quantile 0.995", ("quantile is 0.995", "0.005 is meant")
    ),
    "a quantile counted from below by each convention": Bad(
        f"conventions {LOADED} {ON_SET} --quantile 0.995", ("quantile is 0.995", "0.005 is meant")
    ),
    "a quantile counted from below of two networks": Bad(
        f"compare dense.pth dense.pth --network cifar_resnet20 {ON_SET} --quantile 0.995",
        ("quantile is 0.995", "0.005 is meant"),
    ),
    "a quantile counted from below in a recipe": Bad(
        "run tiny.yaml --out out --set dissection.quantile=0.995",
        ("quantile is 0.995", "0.005 is meant"),
    ),
}
