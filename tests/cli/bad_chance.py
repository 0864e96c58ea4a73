"""What can be wrong with draws of chance, and what must their user be told?"""

from cli.world import Bad

_DISSECT = "dissect cifar_resnet20 --weights dense.pth --num-classes 10 --concepts broden:set"

CHANCE = {
    "draws that are no number": Bad(f"{_DISSECT} --null often", ("null", "often", "auto")),
    "half a draw": Bad(f"{_DISSECT} --null 1.5", ("null", "1.5", "auto")),
    "more draws than can be made": Bad(f"{_DISSECT} --null 9999999999", ("null", "1,000,000")),
    "draws where no chance is defined": Bad(
        f"{_DISSECT} --null auto --convention lite", ("null", "lite", "another convention")
    ),
    "formulas of no label": Bad(f"{_DISSECT} --formulas 0", ("formulas", "equal to 1")),
    "formulas by rules that count twice": Bad(
        f"{_DISSECT} --formulas 3 --convention netdissect", ("formulas", "netdissect", "exact")
    ),
    "draws for formulas that nobody wants": Bad(
        f"{_DISSECT} --formula-draws 5", ("formula", "5", "formulas")
    ),
    "more draws for nothing": Bad("chance absent --concepts broden:set", ("absent", "dissection")),
    "more draws for other things": Bad("chance letters --concepts broden:set", ("letters",)),
    "more draws for a dissection without any": Bad(
        "chance A --concepts broden:set", ("masks.parquet", "--null")
    ),
    "no draws": Bad("chance A --concepts broden:set --null 0", ("0 draws", "auto")),
    "draws below none": Bad("chance A --concepts broden:set --null -3", ("null", "-3", "auto")),
    "random weights beside a level's": Bad(
        "evaluate run/replicate-0/level-00 --weights random --data set/images",
        ("weights of its own", "random"),
    ),
    "random weights of no network": Bad(
        "compare random A --concepts broden:set --layer layer4 --out C", ("random", "--network")
    ),
}
