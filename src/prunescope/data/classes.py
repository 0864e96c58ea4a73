"""Which images of a data set are of the classes that are used, and in which order are these?"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import counted
from prunescope.data.choice import ClassChoice, shown


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The classes of a data set, by number.

    numbered: their names are their numbers, so that classes without images may follow.
    """

    names: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The images of the classes that are used. rows: their numbers in the split, rising.

    labels: of each of them, an index into classes.
    """

    rows: Int64[np.ndarray, " image"]
    labels: Int64[np.ndarray, " image"]
    classes: tuple[str, ...]


def choose(
    labels: Int64[np.ndarray, " image"], stored: Classes, choice: ClassChoice | None, where: str
) -> Chosen:
    """Return the images of the classes that are chosen, labelled in the order of the choice.

    None chooses all. A chosen name that the data lacks is a class without images if every class of
    the data is chosen, else an error.
    Raises ConfigError for a choice that the data does not have, DataError where no image is left.
    """
    names = _chosen_names(stored, choice, where)
    if names == stored.names:
        return Chosen(rows=np.arange(len(labels)), labels=labels, classes=names)
    position = {name: number for number, name in enumerate(names)}
    new = np.array([position.get(name, -1) for name in stored.names], np.int64)[labels]
    rows = np.flatnonzero(new >= 0)
    if not len(rows):
        raise DataError(f"{where} has no images of the classes {shown(names)}")
    return Chosen(rows=rows, labels=new[rows], classes=names)


def order_note(classes: tuple[str, ...]) -> str | None:
    """Say that classes with numbers as names are sorted as text, where numbers sort otherwise."""
    if not all(name.isascii() and name.isdecimal() for name in classes):
        return None
    if list(classes) != sorted(classes) or list(classes) == sorted(classes, key=int):
        return None
    return (
        f"the class folders are numbers, sorted as text ({shown(classes)}), as torchvision's "
        "ImageFolder does; for another order name them in it (--classes, in a recipe data.classes)"
    )


def _chosen_names(stored: Classes, choice: ClassChoice | None, where: str) -> tuple[str, ...]:
    if choice is None:
        return stored.names
    there = len(stored.names)
    if isinstance(choice, int):
        if stored.numbered:
            return tuple(map(str, range(choice)))
        if choice > there:
            raise ConfigError(
                f"{where} has {counted(there, 'class', 'classes')}, so there are no first "
                f"{choice}: for classes without "
                "images give a file of all names in the order of the network's outputs"
            )
        return stored.names[:choice]
    absent = [name for name in choice if name not in stored.names]
    left = [name for name in stored.names if name not in choice]
    if absent and left:
        raise ConfigError(
            f"{where} has no class {shown(absent[:1])}{nearest(absent[0], left)}; the classes that "
            f"are not chosen are {shown(left)}"
        )
    if len(absent) == len(choice):
        raise ConfigError(f"{where} has none of the classes {shown(choice)}")
    repeated = [name for name, times in Counter(stored.names).items() if times > 1]
    if repeated:
        raise ConfigError(
            f"{where} has two classes of the name {shown(repeated[:1])}, so that names do not "
            "choose; give the number of the first ones"
        )
    return choice
