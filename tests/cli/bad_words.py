"""Which words, numbers and names cannot be meant, and what must their user be told?"""

import os
from pathlib import Path

from cli.world import LEVEL, Bad, Spoil, rename, write

RUN = "run tiny.yaml --out out --workers 1"
NETWORK = "cifar_resnet20,width=0.25"
ON = "--layer layer3 --concepts broden:set --quantile 0.02"
LONG = "a" * 5000
NO_UTF8 = "a\udcff"  # as Python reads the byte 0xff


def link(path: str, target: str) -> Spoil:
    return lambda: Path(path).symlink_to(target)


def lock_by_pipe() -> None:
    """Put a named pipe in the place of the lock of a run that was begun here."""
    Path("run/provenance.json").write_text("{}")
    os.mkfifo("run/.lock")


PATHS = {
    "a photograph by a name that is not UTF-8": Bad(
        f"evaluate {LEVEL} --data set/images --split val",
        (r"aeroplane/a\xff.png is not UTF-8: rename it",),
        rename("set/images/val/aeroplane/0000.png", f"set/images/val/aeroplane/{NO_UTF8}.png"),
    ),
    "a study's photograph by a name that is not UTF-8": Bad(
        RUN,
        (r"aeroplane/a\xff.png is not UTF-8: rename it",),
        rename("set/images/train/aeroplane/0000.png", f"set/images/train/aeroplane/{NO_UTF8}.png"),
    ),
    "a class by a name that is not UTF-8": Bad(
        f"evaluate {LEVEL} --data set/images --split val",
        (r"val/a\xff", "is not UTF-8: rename it"),
        rename("set/images/val/aeroplane", f"set/images/val/{NO_UTF8}"),
    ),
    "a mask by a name that is not UTF-8": Bad(
        "concepts check masks:mine",
        (r"masks/a\xff.png is not UTF-8: rename it",),
        write(f"mine/masks/{NO_UTF8}.png", ""),
    ),
    "a picture by a name that is not UTF-8": Bad(
        f"dissect {NETWORK} --layer layer3 --concepts masks:mine",
        (r"images/a\xff.png is not UTF-8: rename it",),
        write(f"mine/images/{NO_UTF8}.png", ""),
    ),
    "a path that is not UTF-8": Bad(f"status {NO_UTF8}", (r"a\xff is not UTF-8",)),
    "a setting that is not UTF-8": Bad(
        f"{RUN} --set data.source={NO_UTF8}", (r"data.source=a\xff is not UTF-8",)
    ),
    "pruned weights at a link to itself": Bad(
        "prune dense.pth --keep 0.5 --out loop.safetensors",
        ("loop.safetensors is a link that leads back to itself",),
        link("loop.safetensors", "loop.safetensors"),
    ),
    "a dissection at a link to itself": Bad(
        f"dissect {NETWORK} {ON} --out loop",
        ("loop is a link that leads back to itself",),
        link("loop", "loop"),
    ),
    "a comparison at a link to itself": Bad(
        "compare A B --out loop",
        ("loop is a link that leads back to itself",),
        link("loop", "loop"),
    ),
    "conventions at a link to itself": Bad(
        f"conventions {NETWORK} {ON} --out loop",
        ("loop", "leads back to itself"),
        link("loop", "loop"),
    ),
    "sheets at a link to itself": Bad(
        "concepts preview broden:set --out loop",
        ("loop is a link that leads nowhere", "--out"),
        link("loop", "loop"),
    ),
    "a download to a link to itself": Bad(
        "concepts download broden --from broden1_224.zip --out loop",
        ("loop",),
        link("loop", "loop"),
    ),
    "a run at a link to itself": Bad(
        "run tiny.yaml --out loop", ("loop", "--out"), link("loop", "loop")
    ),
    "a lock that is a pipe": Bad(
        "run tiny.yaml --out run --workers 1",
        (".lock is no file, but must be a file", "remove run/.lock"),
        lock_by_pipe,
    ),
    "data at a path too long": Bad(
        f"{RUN} --set data.source={LONG}", ("aaa… is longer than file systems take",)
    ),
    "concepts at a path too long": Bad(
        f"{RUN} --set concepts.source=masks:{LONG}", ("aaa… is longer than file systems take",)
    ),
    "a folder to dissect on at a path too long": Bad(
        f"dissect {NETWORK} --concepts masks:{LONG}", ("aaa… is longer than file systems take",)
    ),
    "a run to look at at a path too long": Bad(
        f"status {LONG}", ("aaa… is longer than file systems take",)
    ),
    "a run to write at a path too long": Bad(
        f"run tiny.yaml --out {LONG}", ("aaa… is longer than file systems take",)
    ),
    "a strategy by a name too long for a folder": Bad(
        f"{RUN} --set 'pruning.strategies={{{'a' * 300}: {{levels: 1}}}}'",
        ("aaa…", "cannot name a strategy", "at most 100"),
    ),
}

RECIPES = {
    "a huge hexadecimal number": Bad(
        RUN,
        ("tiny.yaml", "the number of replicates has 5,002 digits"),
        write("tiny.yaml", f"replicates: 0x{'f' * 5000}"),
    ),
    "a huge number": Bad(f"{RUN} --set seed={'9' * 5000}", ("99…", "5,000 digits: too many")),
    "more levels than can be meant": Bad(
        f"{RUN} --dry-run --set replicates=1000 --set pruning.strategies.lottery.levels=1000",
        ("1,001,000 levels", "may have 10,000"),
    ),
    "a network too wide": Bad(
        f"{RUN} --dry-run --set network='\"cifar_resnet20,width=500\"'",
        ('width is "500"', "a number from 1/16 to 64"),
    ),
    "brackets without end": Bad(
        f"{RUN} --set 'seed={'[' * 3000}'", ("[[…", "nests deeper than 50 levels")
    ),
    "a choice as a layer": Bad(
        f"{RUN} --set dissection.layers=[true]",
        ("dissection.layers.0 is true, but must be a text: write it in quotes\n",),
    ),
    "layers without brackets": Bad(
        f"{RUN} --set dissection.layers=layer3",
        ("dissection.layers is 'layer3', but must be a list: write [a] or [a, b]",),
    ),
    "no layers": Bad(
        f"{RUN} --set dissection.layers=[]", ("layers is empty, but must name at least one",)
    ),
    "a mean as a word": Bad(
        f"{RUN} --set data.mean=abc", ("data.mean is 'abc', but must be a list",)
    ),
    "settings as a list": Bad(
        f"{RUN} --set training=[1]", ("training is [1], but must hold settings (to, batch_size,",)
    ),
    "settings as nothing": Bad(
        f"{RUN} --set data=null", ("data is null, but must hold settings (source,",)
    ),
    "strategies as a list": Bad(
        f"{RUN} --set pruning.strategies=[1]",
        ("pruning.strategies is [1], but must hold settings",),
    ),
    "a name with a slash": Bad(f"{RUN} --set name=a/b", ('"a/b" names no folder: use no slashes',)),
    "a part of a replicate": Bad(
        f"{RUN} --set replicates=1.5", ("replicates is 1.5, but must be a whole number",)
    ),
    "a text that is a number": Bad(
        f"{RUN} --set data.train_split=5", ("is 5, but must be a text: write it in quotes",)
    ),
    "a choice as a word": Bad(
        f"{RUN} --set training.nesterov=maybe", ("is 'maybe', but must be true or false",)
    ),
}
