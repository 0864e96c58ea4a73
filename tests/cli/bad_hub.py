"""What can be wrong with what is shared on the Hub, and what must its user be told?"""

from cli.world import LEVEL, Bad, write

SHARING = {
    "nothing to push": Bad("push absent me/shared", ("there is no absent",)),
    "other things to push": Bad("push letters me/shared", ("letters is nothing", "dissect --out")),
    "a whole run to push": Bad("push run me/shared", ("whole run", "one of its levels")),
    "weights of another form to push": Bad(
        "push dense.pth me/shared", ("dense.pth is no safetensors file", "prune")
    ),
    "a dissection to push as weights": Bad(
        "push A me/shared --kind weights", ("A holds dissection", "--kind")
    ),
    "a kind to push that there is not": Bad(
        "push A me/shared --kind units", ("--kind", "dissection")
    ),
    "a damaged dissection to push": Bad(
        "push A me/shared", ("units.csv", "checksum"), write("A/layer4/units.csv", "unit\n")
    ),
    "an unfinished level to push": Bad(
        f"push {LEVEL} me/shared", ("level-01 is nothing", "level of a run")
    ),
    "a damaged mask of a concept set to push": Bad(
        "push masks:mine me/shared", ("names.csv",), write("mine/names.csv", "label\ncar\n")
    ),
    "a repository without a namespace to push to": Bad(
        "push A shared", ('"shared" is no name', "NAMESPACE/NAME")
    ),
    "a repository without a namespace to pull": Bad(
        "pull shared --out new", ('"shared" is no name', "NAMESPACE/NAME")
    ),
    "a folder of other things to pull into": Bad(
        "pull me/shared --out letters", ("letters is not empty", "--out")
    ),
    "a file to pull into": Bad("pull me/shared --out table.csv/x", ("table.csv is a file",)),
}
