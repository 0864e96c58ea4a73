"""A folder of Cityscapes: leftImg8bit, gtFine or gtCoarse."""

from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.concepts.index_maps import IndexMaps
from prunescope.concepts.names import Names
from prunescope.concepts.paired import PairedFolder, open_paired
from prunescope.concepts.protocol import Label
from prunescope.concepts.request import Request

FORM = "cityscapes:DIR"
OPTIONS = {
    "annotations": "gtFine or gtCoarse",
    "category": "kind (object) or group (flat, construction, nature, ...)",
}
_ANNOTATIONS = ("gtFine", "gtCoarse")
_BY = ("kind", "group")
_PICTURES, _PICTURE = "leftImg8bit", "_leftImg8bit"
_KIND = "object"
_ADVICE = "take the ids of cityscapesScripts"
_FIRST = 7  # below are what is not labelled: ego vehicle, border, ...
_NONE = 255  # of a license plate, which has the id -1
_CLASSES = {
    **{"road": "flat", "sidewalk": "flat", "parking": "flat", "rail track": "flat"},
    **{"building": "construction", "wall": "construction", "fence": "construction"},
    **{"guard rail": "construction", "bridge": "construction", "tunnel": "construction"},
    **{"pole": "object", "polegroup": "object", "traffic light": "object"},
    **{"traffic sign": "object", "vegetation": "nature", "terrain": "nature", "sky": "sky"},
    **{"person": "human", "rider": "human", "car": "vehicle", "truck": "vehicle"},
    **{"bus": "vehicle", "caravan": "vehicle", "trailer": "vehicle", "train": "vehicle"},
    **{"motorcycle": "vehicle", "bicycle": "vehicle"},
}
"""The group of each class, by ascending id from 7 on (Cordts et al. 2016)."""


def open_set(request: Request) -> PairedFolder:
    """Open a folder."""
    root, kind = request.path, request.choice("annotations", _ANNOTATIONS)
    for folder in (_PICTURES, kind):
        if not (root / folder).is_dir():
            raise DataError(f"{root} is no folder of Cityscapes: it has no folder {folder}")
    end = f"_{kind}_labelIds.png"
    marked = {
        path.relative_to(root / kind).as_posix().removesuffix(end): path
        for path in find_files(root / kind, (end.lower(),))
    }
    if not marked:
        raise DataError(f"{root / kind} has no *{end}, and so the set is empty")
    images = {}
    for path in find_files(root / _PICTURES, IMAGE_SUFFIXES):
        relative = path.relative_to(root / _PICTURES)
        name = relative.with_suffix("").as_posix().removesuffix(_PICTURE)
        images[name] = relative.as_posix()
    return open_paired(
        request,
        where=root / kind,
        pictures=root / _PICTURES,
        images=images | {n: f"{n}{_PICTURE}.png" for n in marked.keys() - images.keys()},
        marked=marked,
        labelled=IndexMaps(
            names=_names(root, request.choice("category", _BY)),
            advice="take the ids of cityscapesScripts",
        ),
        splits={name: name.partition("/")[0] for name in marked},
    )


def _names(root: Path, by: str) -> Names:
    """Return the classes as labels, numbered from 1 by their ids."""
    labels = tuple(
        Label(number=number, name=name, category=group if by == "group" else _KIND)
        for number, (name, group) in enumerate(_CLASSES.items(), start=1)
    )
    values = dict.fromkeys((*range(_FIRST), _NONE), 0)
    values |= {label.number + _FIRST - 1: label.number for label in labels}
    return Names(path=root, labels=labels, values=values, colors={}, faults=())
