"""Which columns of a data set say what its images show?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import on_one_line, shortened
from prunescope.concepts.request import Request
from prunescope.data.columns import is_image, is_integer, names_of

_IMAGES = ("image", "pixel_values")
_BOXES = ("bbox", "bboxes", "box", "boxes")
_CATEGORIES = ("category", "categories", "label", "labels", "category_id", "class")
_FORMS = {
    "image": "an image",
    "mask": "an image, a list of images, or objects with an image and a class each",
    "boxes": "objects with a bbox and a class each",
    "label": "a class, or a list of classes",
}


@dataclass(frozen=True, kw_only=True)
class Objects:
    """A column that lists objects; of each, `marker` is its mask or box, `category` its class."""

    column: str
    marker: str
    category: str


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The column of the images, and those that say what these show; at least one does.

    maps: an image or several, whose values are classes. masks: objects, each with a mask.
    boxes: objects, each with a box. label: the classes of the whole image.
    """

    image: str
    maps: str | None = None
    masks: Objects | None = None
    boxes: Objects | None = None
    label: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """The names of all these columns, each once."""
        objects = (each.column for each in (self.masks, self.boxes) if each is not None)
        return tuple(dict.fromkeys(filter(None, (self.image, self.maps, *objects, self.label))))


def choose_columns(request: Request, features: Mapping[str, Any]) -> Columns:
    """Return the stated columns, or those that can only be meant.

    features: the type of every column, as `datasets` has it.
    Without a stated one, an image shows what the only mask column says; else the only column of
    boxes; else the only one of classes.
    Raises ConfigError, naming the columns, for one that is not there or has another form, and where
    none or several can be meant.
    """
    fitting = {
        "image": [name for name, feature in features.items() if is_image(feature)],
        "mask": [name for name, feature in features.items() if _can_be_mask(feature)],
        "boxes": [name for name, feature in features.items() if _boxes_in(name, feature)],
        "label": [name for name, feature in features.items() if _can_be_label(feature)],
    }
    stated = {option: request.options[option] for option in _FORMS if option in request.options}
    for option, column in stated.items():
        _check(request, option, column, features, fitting[option])
    image = stated.pop("image", None) or _only_image(request, features, fitting["image"], stated)
    fitting["mask"] = [name for name in fitting["mask"] if name != image]
    named = {name for name in fitting["label"] if names_of(item_of(features[name])) is not None}
    fitting["label"] = [name for name in fitting["label"] if name in named]
    chosen = stated or _the_only_one(request, features, fitting)
    mask, boxes = chosen.get("mask"), chosen.get("boxes")
    objects = None if mask is None else _masks_in(mask, features[mask])
    return Columns(
        image=image,
        maps=mask if objects is None else None,
        masks=objects,
        boxes=None if boxes is None else _boxes_in(boxes, features[boxes]),
        label=chosen.get("label"),
    )


def check_column(request: Request, option: str, column: str, features: Mapping[str, Any]) -> None:
    """Raise ConfigError where the column that an option states is not there."""
    if column not in features:
        raise ConfigError(
            f'{request.place} has no column "{on_one_line(column)}", which {option}= states'
            f"{nearest(column, features)}; {_listed(features)}"
        )


def members_of(feature: Any) -> dict[str, Any]:
    """Return the type of each member of an object, of a column that lists objects; else nothing."""
    if isinstance(feature, Mapping):  # lists by name, as datasets' Sequence makes them
        inner = {name: _item_of_list(member) for name, member in feature.items()}
    else:
        item = _item_of_list(feature)
        inner = dict(item) if isinstance(item, Mapping) else {}
    return {name: member for name, member in inner.items() if member is not None}


def item_of(feature: Any) -> Any:
    """Return the type of what a list holds; that of a column which is none as it is."""
    item = _item_of_list(feature)
    return feature if item is None else item


def _item_of_list(feature: Any) -> Any:
    if isinstance(feature, list) and len(feature) == 1:  # the older way to write it
        return feature[0]
    return getattr(feature, "feature", None)


def _can_be_mask(feature: Any) -> bool:
    return is_image(item_of(feature)) or _masks_in("", feature) is not None


def _can_be_label(feature: Any) -> bool:
    return is_integer(item_of(feature))


def _masks_in(column: str, feature: Any) -> Objects | None:
    members = members_of(feature)
    masks = [name for name, member in members.items() if is_image(member)]
    return _objects(column, masks, members)


def _boxes_in(column: str, feature: Any) -> Objects | None:
    members = members_of(feature)
    boxes = [n for n in _BOXES if n in members and _item_of_list(members[n]) is not None]
    return _objects(column, boxes, members)


def _objects(column: str, markers: list[str], members: Mapping[str, Any]) -> Objects | None:
    classes = [name for name, member in members.items() if names_of(member) is not None]
    classes = classes or [n for n in _CATEGORIES if n in members and is_integer(members[n])]
    if not markers or not classes:
        return None
    return Objects(column=column, marker=markers[0], category=classes[0])


def _check(
    request: Request, option: str, column: str, features: Mapping[str, Any], fitting: Sequence[str]
) -> None:
    check_column(request, option, column, features)
    if column not in fitting:
        form = on_one_line(shortened(str(features[column])))
        raise ConfigError(
            f"{option}={on_one_line(column)} of {request.place} is of the type {form}, but must be "
            f"{_FORMS[option]}{_meant(fitting)}"
        )


def _only_image(
    request: Request, features: Mapping[str, Any], images: list[str], stated: Mapping[str, str]
) -> str:
    others = [name for name in images if name not in stated.values()]
    usual = [name for name in _IMAGES if name in others]
    if len(others) == 1 or usual:
        return (usual or others)[0]
    number = f"{len(others)} columns of images" if others else "no column of images"
    raise ConfigError(f"{request.place} has {number}: state image=COLUMN; {_listed(features)}")


def _the_only_one(
    request: Request, features: Mapping[str, Any], fitting: Mapping[str, list[str]]
) -> dict[str, str]:
    for option in ("mask", "boxes", "label"):
        columns = fitting[option]
        if len(columns) == 1:
            return {option: columns[0]}
        if columns:
            raise ConfigError(
                f"{request.place} has {len(columns)} columns that can be its {option}: state "
                f"{option}=COLUMN{_meant(columns)}"
            )
    raise ConfigError(
        f"{request.place} has no column of masks, boxes or named classes that says what its images "
        f"show; {_listed(features)}. Name one (mask=, boxes=, label=) if it does"
    )


def _meant(columns: Sequence[str]) -> str:
    return f": {on_one_line(' or '.join(columns))}" if columns else ""


def _listed(features: Mapping[str, Any]) -> str:
    return f"its columns are {on_one_line(shortened(', '.join(features), 300))}"
