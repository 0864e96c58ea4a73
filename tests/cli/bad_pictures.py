"""What can be wrong with labelled images, their classes and channels, and what is their user told?

Every row of these tables belongs to what `docs/data.md` says.
"""

from pathlib import Path

from PIL import Image

from cli.bad_networks import EVALUATE, ON_SET
from cli.world import IMAGE, NETWORK, Bad, Spoil, append, write

_DISSECT = f"dissect {NETWORK} {ON_SET}"
_RUN = "run tiny.yaml --dry-run"
_VECTOR = """
def vector(): return torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
"""

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


def _folders(**images: int) -> Spoil:
    """Make an image folder: so many pictures of each class, "split_class"."""

    def spoil() -> None:
        for name, count in images.items():
            folder = Path("pictures", *name.split("_"))
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (32, 32)).save(folder / f"{number}.png")

    return spoil


_PICTURES = f"{EVALUATE.rpartition(' ')[0]} pictures"

CLASSES = {
    "fewer classes than outputs": Bad(
        _PICTURES,
        ("10 outputs", "2 classes", "--num-classes 2", "--classes FILE"),
        _folders(val_cat=1, val_dog=1),
    ),
    "more classes than outputs": Bad(
        f"evaluate {NETWORK} --weights seven.pth --num-classes 7 --data set/images",
        ("7 outputs", "10 classes", "--num-classes 10"),
    ),
    "a factory with another number of outputs": Bad(
        "evaluate factories:vector --data set/images --mean 0,0,0 --std 1,1,1",
        ("4 outputs", "10 classes", "--classes FILE"),
        append("factories.py", _VECTOR),
    ),
    "a recipe whose network has another number of outputs": Bad(
        f"{_RUN} --set network=factories:vector --set data.mean=[0,0,0] --set data.std=[1,1,1] "
        "--set \"dissection.layers=['0']\"",
        ("4 outputs", "10 classes", "data.classes"),
        append("factories.py", _VECTOR),
    ),
    "a class that nearly exists": Bad(
        f"{EVALUATE} --classes aeroplane,hose", ("hose", 'mean "house"')
    ),
    "more first classes than there are": Bad(
        f"{EVALUATE} --classes 11", ("10 classes", "no first 11")
    ),
    "the first no classes": Bad(f"{EVALUATE} --classes 0", ("--classes", "0 classes")),
    "a class twice": Bad(f"{EVALUATE} --classes house,house", ("house", "more than once")),
    "a file of classes that is not there": Bad(
        f"{EVALUATE} --classes absent.txt", ("--classes", "absent.txt", "no file")
    ),
    "a file of classes that is empty": Bad(
        f"{EVALUATE} --classes names.txt", ("names.txt", "empty"), write("names.txt", "\n")
    ),
    "a recipe's class that nearly exists": Bad(
        f"{_RUN} --set data.classes=[aeroplane,hose]", ("hose", 'mean "house"')
    ),
    "a recipe's classes that are none": Bad(
        f"{_RUN} --set data.classes=1.5", ("data.classes", "1.5", "a number N")
    ),
    "one split under two names": Bad(
        _PICTURES, ("two splits of one name", "Val", "val"), _folders(Val_cat=1, val_dog=1)
    ),
    "a split without images": Bad(
        _PICTURES, ("split val", "no images"), _folders(val_cat=0, train_cat=1)
    ),
    "a limit of nothing": Bad(f"{EVALUATE} --limit 0", ("--limit", "than or equal to 1")),
}


def _float_picture() -> None:
    folders = [Path("pictures/val") / str(number) for number in range(10)]
    for folder in folders:
        folder.mkdir(parents=True)
    Image.new("F", (32, 32)).save(folders[0] / "deep.tif")


def _huge_picture() -> None:
    Image.new("1", (13_000, 13_000)).save(IMAGE, "PNG")


PICTURES = {
    "a picture as large as an attack": Bad(
        f"{EVALUATE} --split train",
        ("0000.png", "169,000,000 pixels", "attack"),
        _huge_picture,
    ),
    "a concept's picture as large as an attack": Bad(
        _DISSECT,
        ("0000.png", "169,000,000 pixels", "attack"),
        _huge_picture,
    ),
    "a picture in floating point": Bad(
        _PICTURES, ("deep.tif", "floating point", "8 or 16 bits"), _float_picture
    ),
    "a concept's picture in floating point": Bad(
        _DISSECT,
        ("0000.png", "floating point", "8 or 16 bits"),
        lambda: Image.new("F", (32, 32)).save(IMAGE, "TIFF"),
    ),
}
