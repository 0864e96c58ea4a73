"""What can be wrong with a network, its weights or its mask, and what must its user be told?"""

from cli.world import (
    LEVEL,
    NETWORK,
    Bad,
    as_int8,
    bad_mask,
    cut,
    dense_state,
    quantised,
    remove,
    revive,
    save,
    whole_network,
    with_nan,
    write,
)

LOADED = f"{NETWORK} --weights dense.pth --num-classes 10"
ON_SET = "--layer layer3 --concepts broden:set --quantile 0.02 --out out"
EVALUATE = f"evaluate {LOADED} --data set/images"
PRUNE = f"prune {LOADED} --out small.safetensors"
AUDIT = f"audit dense.pth --network {NETWORK} --num-classes 10"

NETWORKS = {
    "a network that does not exist": Bad(
        f"dissect cifar_resnet2 {ON_SET}", ("cifar_resnet2", "torchvision:resnet18")
    ),
    "a torchvision network that nearly exists": Bad(
        f"dissect torchvision:resnet19 {ON_SET}", ("resnet19", 'mean "resnet18"')
    ),
    "a timm network that nearly exists": Bad(
        f"dissect timm:resnet51 {ON_SET}", ("resnet51", 'mean "resnet51q"')
    ),
    "the layers of a network that does not exist": Bad(
        "dissect cifar_resnet21 --list-layers", ("cifar_resnet21", "cifar_resnet20")
    ),
    "published weights that nearly exist": Bad(
        "evaluate torchvision:resnet18 --weights IMAGENET1K_V3 --data set/images",
        ("IMAGENET1K_V3", 'mean "IMAGENET1K_V1"', "no such file"),
    ),
    "an option of a network that nearly exists": Bad(
        f"dissect cifar_resnet20,widht=2 {ON_SET}", ("widht", 'mean "width"')
    ),
    "a width that is none": Bad(f"dissect cifar_resnet20,width=wide {ON_SET}", ("wide", "number")),
    "a module that is not there": Bad(
        f"dissect my.net:make {ON_SET}", ("my.net", "No module named")
    ),
    "a factory that is not there": Bad(f"dissect factories:gray {ON_SET}", ("gray", 'mean "grey"')),
    "a factory that makes something else": Bad(
        f"dissect factories:number {ON_SET}", ("int", "torch.nn.Module")
    ),
    "a factory that lacks an argument": Bad(
        f"dissect factories:needs {ON_SET}", ("factory", "depth")
    ),
    "a module that cannot be imported": Bad(
        f"dissect factories:grey {ON_SET}", ("factories", "SyntaxError"), write("factories.py", "(")
    ),
    "a network whose input is not known": Bad(
        "dissect factories:row --layer 0 --concepts broden:set --out out",
        ("not known", "--resolution"),
    ),
    "a network of grey images": Bad(
        "evaluate factories:grey --data set/images --mean 0,0,0 --std 1,1,1",
        ("Conv2d takes 1 channel", "--mean and --std with one value"),
    ),
    "weights that are not there": Bad(
        f"evaluate {NETWORK} --weights absent.pth --data set/images", ("absent.pth", "not exist")
    ),
    "weights cut short": Bad(EVALUATE, ("dense.pth", "damaged"), cut("dense.pth")),
    "weights of no kind": Bad(EVALUATE, ("dense.pth",), write("dense.pth", "a,b\n1,2\n")),
    "a pickled model": Bad(
        EVALUATE, ("dense.pth", "state_dict()"), save("dense.pth", whole_network)
    ),
    "weights of another width": Bad(
        f"evaluate {NETWORK} --weights wide.pth --num-classes 10 --data set/images",
        ("wide.pth", "conv1.weight (8, 3, 3, 3) instead of (4, 3, 3, 3)"),
    ),
    "weights of another number of classes": Bad(
        f"evaluate {NETWORK} --weights seven.pth --num-classes 10 --data set/images",
        ("linear.weight", "--num-classes 7"),
    ),
    "weights with a key too few": Bad(
        EVALUATE,
        ("missing in it: linear.bias",),
        save("dense.pth", lambda: {k: v for k, v in dense_state().items() if k != "linear.bias"}),
    ),
    "weights as whole numbers": Bad(
        EVALUATE, ("dense.pth", "is quantised", "conv1.weight"), save("dense.pth", as_int8)
    ),
    "weights that torch has quantised": Bad(
        EVALUATE,
        ("dense.pth", "is quantised", "linear.weight", "dequantize"),
        save("dense.pth", quantised),
    ),
    "weights beside a level's own": Bad(
        f"evaluate {LEVEL} --weights dense.pth --data set/images", ("leave out --weights",)
    ),
    "classes beside a level's own": Bad(
        f"evaluate {LEVEL} --num-classes 7 --data set/images", ("10 classes, not 7",)
    ),
    "a folder that is no level": Bad(
        "evaluate run/replicate-0 --data set/images",
        ("not a level",),
    ),
    "no classes": Bad(f"evaluate {NETWORK} --num-classes 0 --data set/images", ("--num-classes",)),
    "data to evaluate that is a file": Bad(f"evaluate {LOADED} --data table.csv", ("is a file",)),
    "data to evaluate without images": Bad(
        f"evaluate {LOADED} --data letters", ("letters", "class folders")
    ),
    "data cut short": Bad(
        f"evaluate {LOADED} --data parquet --split train",
        ("train.parquet", "damaged"),
        write("parquet/train.parquet", "PAR1"),
    ),
    "a split to evaluate that is not there": Bad(f"{EVALUATE} --split dog", ("dog", "train, val")),
    "a device that is not there": Bad(
        f"{EVALUATE} --device foo", ('device is "foo"', "it has cpu")
    ),
    "a precision that does not exist": Bad(f"{EVALUATE} --precision f16", ("f16", "float32")),
    "an arithmetic that does not exist": Bad(f"{EVALUATE} --arithmetic fused", ("fused", "folded")),
    "an arithmetic that bf16 does not have": Bad(
        f"{EVALUATE} --precision bf16 --arithmetic compiled",
        ("arithmetic is compiled, but with precision bf16 it is always plain",),
    ),
    "two channels": Bad(
        f"{EVALUATE} --mean 0.5,0.4", ("mean has 2 and std 3 values", "one for every channel")
    ),
    "a spread of nothing": Bad(f"{EVALUATE} --std 1,0,1", ("std", "0")),
}

PRUNING = {
    "to keep more than all": Bad(f"{PRUNE} --keep 1.5", ("keep is 1.5", "(0, 1]")),
    "to keep nothing": Bad(f"{PRUNE} --keep 0", ("keep is 0.0", "(0, 1]")),
    "neither a share nor a mask": Bad(PRUNE, ("no mask", "--keep", "--infer-mask")),
    "a criterion that nearly exists": Bad(
        f"{PRUNE} --keep 0.5 --criterion magnitud", ("magnitud", "random")
    ),
    "a scope that does not exist": Bad(f"{PRUNE} --keep 0.5 --scope local", ("local", "layerwise")),
    "a format and another file": Bad(
        f"{PRUNE} --keep 0.5 --format torch", ("small.safetensors", "*.pth")
    ),
    "a file of no form": Bad(f"prune {LOADED} --keep 0.5 --out small", ("small", "*.safetensors")),
    "a folder for a file": Bad(
        f"prune {LOADED} --keep 0.5 --out letters", ("letters is a folder", "file in it")
    ),
    "the file that is pruned": Bad(
        f"prune {LOADED} --keep 0.5 --out dense.pth --format torch", ("dense.pth", "another file")
    ),
    "a file below a file": Bad(
        f"prune {LOADED} --keep 0.5 --out table.csv/x.safetensors", ("table.csv", "--out")
    ),
    "no weights to prune": Bad(
        f"prune {NETWORK} --keep 0.5 --out small.safetensors", ("--weights",)
    ),
    "a mask that is not there": Bad(f"{PRUNE} --mask absent", ("absent", "does not exist")),
    "a mask of another network": Bad(
        f"{PRUNE} --mask mask.safetensors",
        ("mask.safetensors", "conv1.weight"),
        bad_mask("mask.safetensors"),
    ),
    "weights that are not finite": Bad(
        f"{PRUNE} --keep 0.5", ("not finite",), save("dense.pth", with_nan)
    ),
    "a share above what is left": Bad(
        f"prune {LEVEL} --keep 0.9 --out small.safetensors", ("keep is 0.9", "masks only shrink")
    ),
    "filters without a share": Bad(f"{PRUNE} --structure filters", ("filters", "keep")),
    "filters of which none is left": Bad(
        f"{PRUNE} --structure filters --keep 0.01", ("no filter would be left", "layer1.0.conv1")
    ),
    "a structure that nearly exists": Bad(
        f"{PRUNE} --structure filter --keep 0.5", ("filter", "filters")
    ),
    "an audit of nothing": Bad("audit absent.pth", ("absent.pth", "not exist")),
    "an audit of a folder of other things": Bad(
        "audit letters", ("letters", "weights.safetensors")
    ),
    "an audit by another network": Bad(
        "audit dense.pth --network cifar_resnet20 --num-classes 10", ("conv1.weight", "instead of")
    ),
    "an audit by a network that nearly exists": Bad(
        "audit dense.pth --network cifar_resnet21", ("cifar_resnet21", "cifar_resnet20")
    ),
    "an audit of a pickled model": Bad(
        AUDIT, ("dense.pth", "state_dict()"), save("dense.pth", whole_network)
    ),
    "an audit of weights that are not finite": Bad(
        AUDIT, ("conv1.weight", "finite"), save("dense.pth", with_nan)
    ),
    "an audit of revived weights": Bad(
        f"audit {LEVEL}", ("PROBLEM", "revived"), revive(f"{LEVEL}/weights.safetensors")
    ),
    "an audit of a run with a level cut short": Bad(
        "audit run", ("weights.safetensors",), cut(f"{LEVEL}/weights.safetensors")
    ),
    "an audit of a run with a mask lost": Bad(
        "audit run", ("PROBLEM", "mask.safetensors"), remove(f"{LEVEL}/mask.safetensors")
    ),
    "a network beside a run": Bad(
        "audit run --network cifar_resnet32", (NETWORK, "leave out --network")
    ),
}
