"""Which calls from Python are wrong? As a program: what is each told?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import prunescope as ps
from prunescope.base.errors import PrunescopeError
from prunescope.networks.registry import build

NAME = "cifar_resnet20,width=0.25"
SEEN: dict[str, Any] = {"resolution": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
ON: dict[str, Any] = {**SEEN, "quantile": 0.02, "limit": 4}


def network() -> nn.Module:
    """Return a network that dissects in a moment, the same every time."""
    return build(NAME, num_classes=10, seed=0).eval()


def saved_with_a_layer(dissection: Any) -> object:
    """Save a comparison as if a layer were all that was compared."""
    compared: Any = ps.compare(dissection, dissection, draws=0)
    return compared.save("C", a=dissection["layer3"])


WRONG: dict[str, Callable[[nn.Module, str], object]] = {
    "layers of another network": lambda m, c: ps.dissect(m, nn.Conv2d(3, 4, 3), c, **ON),
    "the network as its layer": lambda m, c: ps.dissect(m, m, c, **ON),
    "no layers": lambda m, c: ps.dissect(m, [], c, **ON),
    "a number as layer": lambda m, c: ps.dissect(m, [3], c, **ON),
    "a table as layers": lambda m, c: ps.dissect(m, {"layer3": 1}, c, **ON),
    "one layer twice": lambda m, c: ps.dissect(m, ["layer3", m.layer3], c, **ON),
    "a list as concepts": lambda m, _: ps.dissect(m, "layer3", [1], **ON),
    "a loader as concepts": lambda m, _: ps.dissect(
        m, "layer3", torch.utils.data.DataLoader([1]), **ON
    ),
    "a path as concepts": lambda m, _: ps.dissect(m, "layer3", Path("set"), **ON),
    "no concepts": lambda m, _: ps.dissect(m, "layer3"),
    "an unknown setting": lambda m, c: ps.dissect(m, "layer3", c, quantil=0.1),
    "a limit that is no number": lambda m, c: ps.dissect(m, "layer3", c, **SEEN, limit="x"),
    "a split that is no name": lambda m, c: ps.dissect(m, "layer3", c, **SEEN, split=3),
    "no progress": lambda m, c: ps.dissect(m, "layer3", c, **SEEN, progress=3),
    "a device that is none": lambda m, c: ps.dissect(m, "layer3", c, **SEEN, device=3),
    "a run's folder as a run": lambda _m, c: ps.Run(c),
    "a level's folder as a level": lambda _m, c: ps.Level(c),
    "a folder as a dissection": lambda _m, c: ps.Dissection(c),
    "a folder as a dissected layer": lambda _m, c: ps.LayerDissection(c),
    "a folder as a comparison": lambda _m, c: ps.Comparison(c),
    "a folder as a comparison of runs": lambda _m, c: ps.RunComparison(c),
    "a recipe as a study": lambda _m, _c: ps.Study("demo"),
    "a keeper without a mask": lambda m, _: ps.MaskKeeper(m),
    "a keeper of nothing": lambda _m, _c: ps.MaskKeeper(),
    "a device that is not there": lambda m, c: ps.dissect(m, "layer3", c, **SEEN, device="cuda:9"),
    "no device to evaluate on": lambda m, c: ps.evaluate(m, c, device="gpu"),
    "a number as the other network": lambda m, c: ps.evaluate_pair(m, 3, c),
    "a module as the layer to ablate": lambda m, c: ps.ablate(m, m.layer3, c, units=1),
    "a unit and a half": lambda m, c: ps.ablate(m, "layer3", c, units=1.5),
    "whether a unit is ablated": lambda m, c: ps.ablate(m, "layer3", c, units=[True, False]),
    "a number as a dissection": lambda m, c: ps.ablate(m, "layer3", c, concept="red", dissection=3),
    "a unit as text": lambda m, c: ps.ablate(
        m,
        "layer3",
        f"{c.removeprefix('broden:')}/images",
        units="1",
        mean=SEEN["mean"],
        std=SEEN["std"],
    ),
    "one mean, three stds": lambda m, c: ps.dissect(m, "layer3", c, **{**SEEN, "mean": 0.5}),
    "a mean and std of one channel": lambda m, c: ps.dissect(
        m, "layer3", c, resolution=32, mean=0.5, std=0.5
    ),
    "a share as text": lambda m, _: ps.prune(m, keep="0.5"),
    "a share that is a choice": lambda m, _: ps.prune(m, keep=True),
    "shares": lambda m, _: ps.prune(m, keep=[0.5]),
    "an unknown criterion": lambda m, _: ps.prune(m, keep=0.5, criterion="magnitud"),
    "an unknown scope": lambda m, _: ps.prune(m, keep=0.5, scope="gobal"),
    "a mask that is none": lambda m, _: ps.prune(m, keep=0.5, mask=3),
    "a mask of numbers": lambda m, _: ps.MaskKeeper(m, {"conv1.weight": torch.ones(4, 3, 3, 3)}),
    "a keeper of a name": lambda m, _: ps.MaskKeeper(NAME, ps.Mask({})),
    "a keeper's optimizer": lambda m, _: ps.MaskKeeper(m, ps.Mask({}))(3),
    "a list as mask": lambda m, _: ps.Mask([1]),
    "a mask's file that is missing": lambda m, _: ps.Mask.load("no.safetensors"),
    "nothing to load": lambda m, _: ps.load(None),
    "a network to load": lambda m, _: ps.load(m),
    "a number as network": lambda m, _: ps.load_network(3),
    "a state dict as weights": lambda m, _: ps.load(NAME, weights=m.state_dict()),
    "classes as text": lambda m, _: ps.load(NAME, num_classes="4"),
    "too many classes": lambda m, _: ps.load(NAME, num_classes=10**12),
    "a network too wide": lambda m, _: ps.load("cifar_resnet20,width=99999999"),
    "numbers to compare": lambda m, _: ps.compare(1, 2),
    "an iou as text": lambda m, _: ps.compare("A", "B", iou="x"),
    "an unknown match": lambda m, _: ps.compare("A", "B", match="unit"),
    "a layer as a side of a page": lambda m, c: saved_with_a_layer(
        ps.dissect(m, "layer3", c, **ON)
    ),
    "modules to compare": lambda m, c: ps.compare_networks(m, m, layer="layer3", concepts=c),
    "a loader to evaluate on": lambda m, _: ps.evaluate(m, torch.utils.data.DataLoader([1])),
    "a limit of none": lambda m, c: ps.evaluate(m, c, limit=0),
    "a limit that is a word": lambda m, c: ps.evaluate(m, c, limit="3"),
    "classes by a mapping": lambda m, c: ps.evaluate(m, c, classes={"a": 0}),
    "classes by a part of a number": lambda m, c: ps.evaluate(m, c, classes=2.5),
    "classes in a file that is not there": lambda m, c: ps.evaluate(m, c, classes=Path("no.txt")),
    "a mean of pixels up to 255": lambda m, c: ps.evaluate(m, c, mean=(124, 116, 104)),
    "a batch of none": lambda m, c: ps.evaluate(m, c, batch_size=0),
    "a network to audit": lambda m, _: ps.audit(m),
    "nothing to audit": lambda m, _: ps.audit(Path("nope")),
    "a number as file": lambda m, _: ps.export("D", 3),
    "conventions of a number": lambda m, c: ps.conventions(m, c, conventions=3),
    "conventions of a list": lambda m, _: ps.conventions(m, [1]),
    "layers of a number": lambda m, _: ps.list_layers(3),
    "layers at no size": lambda m, _: ps.list_layers(m),
    "layers of text size": lambda m, _: ps.list_layers(m, resolution="a"),
    "a list as recipe": lambda m, _: ps.Study.load([]),
    "changes of numbers": lambda m, _: ps.Study.load("demo", set=[3]),
    "a run in a number": lambda m, _: ps.Study.load("demo").run(3),
    "half a worker": lambda m, _: ps.Study.load("demo").run("out", workers=0.5),
    "a run of a number": lambda m, _: ps.Run.load(3),
    "a level of nothing": lambda m, _: ps.Level.load(None),
    "a dissection of a number": lambda m, _: ps.Dissection.load(3),
    "a plot of a number": lambda m, _: ps.plot_comparison(3),
    "a key of a number": lambda m, _: ps.load(NAME, weights="w.pth", key=3),
    "keys": lambda m, _: ps.load(NAME, weights="w.pth", key=["model"]),
    "a key to audit that is a number": lambda m, _: ps.audit("w.pth", key=5),
    "a mask to audit that is a number": lambda m, _: ps.audit("w.pth", mask=3),
    "a mask to audit that is a table": lambda m, _: ps.audit("w.pth", mask={}),
    "no split": lambda m, c: ps.evaluate(m, c, split=None, **SEEN),
    "an empty path as data": lambda m, c: ps.evaluate(m, "", split="val"),
    "a mask size that is a word": lambda m, c: ps.dissect(m, "layer3", c, **ON, mask_size="a"),
    "two mask sizes": lambda m, c: ps.dissect(m, "layer3", c, **ON, mask_size=(3, 3)),
    "half a mask size": lambda m, c: ps.dissect(m, "layer3", c, **ON, mask_size=2.5),
    "a mask size that is a choice": lambda m, c: ps.dissect(m, "layer3", c, **ON, mask_size=True),
    "an unknown precision": lambda m, c: ps.evaluate(m, c, precision="x"),
    "a precision that is a dtype": lambda m, c: ps.evaluate(m, c, precision=torch.bfloat16),
    "a layer by its number": lambda m, c: ps.dissect(m, "layer3", c, **ON)[3],
    "layers of a dissection": lambda m, c: ps.dissect(m, "layer3", c, **ON)[["layer3"]],
    "masks without units": lambda m, c: ps.dissect(m, "layer3", c, **ON)["layer3"].masks(m, []),
    "a level that is a word": lambda m, c: ps.Run(path=Path(c)).level("a"),
    "a plot of as many as a word": lambda m, c: ps.plot_concepts(
        ps.dissect(m, "layer3", c, **ON), most="a"
    ),
    "a plot of half an image": lambda m, c: ps.plot_examples(
        ps.dissect(m, "layer3", c, **ON), 0, c, images=1.5
    ),
    "no study": lambda _m, _c: ps.Study(),
    "a study of wrong settings": lambda _m, _c: ps.Study(name=3, replicate=2),
    "a name to prune": lambda _m, _c: ps.prune(NAME, keep=0.5),
    "a path to prune": lambda _m, _c: ps.prune(Path("w.pth"), keep=0.5),
    "a path too long": lambda _m, _c: ps.load("a" * 5000),
    "data at a path too long": lambda m, _: ps.evaluate(m, "a" * 5000),
    "a path that is not UTF-8": lambda m, _: ps.evaluate(m, "a\udcff"),
    "a number of too many digits": lambda m, c: ps.evaluate(m, c, limit=10**5000),
    "a share of too many digits": lambda m, c: ps.dissect(m, "layer3", c, quantile=10**5000),
    "a keep of too many digits": lambda m, c: ps.prune(m, keep=10**5000),
    "one convention": lambda m, c: ps.conventions(m, c, conventions="exact"),
    "an unknown convention": lambda m, c: ps.conventions(m, c, conventions=["exact", "exat"]),
    "a plot of a network": lambda m, _: ps.plot_accuracy(m),
}


def main(concepts: str) -> None:
    """Print the kind and the words of what each call raises."""
    said = {}
    for name, call in WRONG.items():
        try:
            call(network(), concepts)
        except (PrunescopeError, TypeError, ValueError, LookupError, AttributeError) as error:
            said[name] = [type(error).__name__, str(error)]
        else:
            said[name] = ["nothing", ""]
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
