"""What is said of inputs that a network, or a set of concepts, cannot mean?"""

from cli.bad_concepts import LOADED
from cli.world import NETWORK, Bad, basis, dense_state, save

HALF = "--mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"
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
    "a quantile that is stated again": Bad(
        f"dissect {LOADED} {ON_SET} --quantiles 0.005,0.01",
        ("quantiles names 0.005", "the quantile itself"),
    ),
    "a quantile twice": Bad(
        f"dissect {LOADED} {ON_SET} --quantiles 0.01,0.01", ("0.01 more than once",)
    ),
    "one of several quantiles counted from below": Bad(
        f"compare dense.pth dense.pth --network {NETWORK} {ON_SET} --quantiles 0.01,0.995",
        ("quantile is 0.995", "0.005 is meant"),
    ),
    "quantiles that are words": Bad(
        f"dissect {LOADED} {ON_SET} --quantiles few", ('"few" is not a number', "--quantiles")
    ),
    "one of several quantiles with too few cells": Bad(
        "run tiny.yaml --out out --set dissection.quantiles=[0.00001]",
        ("too few for a quantile of 1e-05",),
    ),
    "mean and std of one channel for a network of three": Bad(
        f"dissect {LOADED} {ON_SET} --mean 0.5 --std 0.5", ("takes 3 channels", "3 values")
    ),
    "mean and std of different lengths": Bad(
        f"dissect {LOADED} {ON_SET} --mean 0.5 --std 0.5,0.5,0.5", ("mean has 1", "std 3 values")
    ),
    "a network of one channel by ImageNet's means": Bad(
        f"dissect factories:grey --concepts broden:set --layer 0 --resolution 32 {HALF}",
        ("takes 1 channel", "one value"),
    ),
    "a recipe with no mean": Bad("run tiny.yaml --out out --set data.mean=[]", ("data.mean",)),
    "axes that are none": Bad(
        f"dissect {LOADED} {ON_SET} --axes batch,unit", ("axes are", "NCHW or NLC", "NHWC")
    ),
    "axes that the layer contradicts": Bad(
        f"dissect {LOADED} {ON_SET} --axes CNHW --quantile 0.02",
        ("layer3", "CNHW as --axes does not fit"),
    ),
    "axes of nothing that is dissected": Bad(
        "compare run run --axes NCHW", ("--axes", "--concepts")
    ),
    "axes in a recipe that are none": Bad(
        "run tiny.yaml --out out --set dissection.axes=NCWHX", ("axes", "NCHW or NLC")
    ),
    "workers of this machine that share a dissection": Bad(
        f"dissect {LOADED} {ON_SET} --workers 2",
        ('engine "local" share no dissection', "--engine ray", "torchrun"),
    ),
    "a cluster's address for a dissection on this machine": Bad(
        f"dissect {LOADED} {ON_SET} --address 127.0.0.1:6379", ("127.0.0.1:6379", "--engine ray")
    ),
    "an engine that shares no dissection": Bad(
        f"dissect {LOADED} {ON_SET} --engine rya", ("rya", 'mean "ray"')
    ),
    "a basis that there is not": Bad(
        f"dissect {LOADED} {ON_SET} --basis rotation",
        ('there is no basis "rotation"', "random-rotation", "NAME.safetensors"),
    ),
    "a basis in a pickle": Bad(
        f"dissect {LOADED} {ON_SET} --basis dense.pth", ('no basis "dense.pth"', ".safetensors")
    ),
    "a pickle called a basis": Bad(
        f"dissect {LOADED} {ON_SET} --basis pickled.safetensors",
        ("pickled.safetensors", "not a whole safetensors file"),
        save("pickled.safetensors", dense_state),
    ),
    "a basis of two networks that is not there": Bad(
        f"compare dense.pth dense.pth --network {NETWORK} {ON_SET} --basis none.safetensors",
        ("none.safetensors does not exist",),
    ),
    "a basis of other layers": Bad(
        f"dissect {LOADED} {ON_SET} --layer layer2 --basis few.safetensors",
        ("few.safetensors", 'no tensor "layer3"'),
        basis("few.safetensors", layer1=16),
    ),
    "a basis of other units": Bad(
        f"conventions {LOADED} {ON_SET} --basis wide.safetensors",
        ("wide.safetensors", "shape 2 x 17", "16 units"),
        basis("wide.safetensors", layer3=17),
    ),
    "a basis of other units in a recipe": Bad(
        "run tiny.yaml --out out --set dissection.basis=wide.safetensors",
        ("wide.safetensors", "shape 2 x 17", "16 units"),
        basis("wide.safetensors", layer3=17),
    ),
    "a basis in a recipe that is not there": Bad(
        "run tiny.yaml --out out --set dissection.basis=none.safetensors",
        ("none.safetensors does not exist",),
    ),
    "no seed of a basis": Bad(f"dissect {LOADED} {ON_SET} --basis-seed -1", ("--basis-seed",)),
    "a map of no pixel": Bad(f"dissect {LOADED} {ON_SET} --mask-size 0", ("--mask-size",)),
    "maps of no pixel to be checked": Bad(
        "concepts check broden:set --mask-size 20000", ("--mask-size", "16384")
    ),
    "maps of no pixel in a recipe": Bad(
        "run tiny.yaml --out out --set concepts.mask_size=0", ("concepts.mask_size", "0")
    ),
}
