"""What lies at a place that is to be shared, which files make it up, and are they sound?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.formats import is_safetensors
from prunescope.base.paths import stated_files
from prunescope.concepts import open_concepts
from prunescope.concepts.label_makers import RECORD as MADE_BY
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.request import split_name
from prunescope.experiment.hub.kinds import KINDS, Kind
from prunescope.pruning.saved import check_as_recorded, mask_beside, read_weights
from prunescope.results.dissection import Dissection
from prunescope.results.kinds import is_dissection, is_level, is_run
from prunescope.results.layout import DISSECTION, LAYERS, is_of_a_study
from prunescope.results.manifest import check_recorded

RECORD = "prunescope.json"
"""The file of a repository that says what was shared: its kind, and the checksum of each file."""

CARD = "README.md"

_LAYOUTS = {"masks": "names.csv", "broden": "index.csv"}
_OF_A_SET = {
    "masks": ("images", "masks", "names.csv", MADE_BY),
    "broden": ("images", "index.csv", "label.csv", "category.csv", "c_*.csv", MADE_BY),
}
"""What belongs to a set of a layout; whatever else lies in its folder stays there."""
_BESIDE_A_LEVEL = (DISSECTION, "checkpoints")


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What is shared: the files that make it up, and where they lie.

    kind: as what. root: the folder they lie in, or the file of weights.
    files: by their paths in the repository.
    """

    kind: Kind
    root: Path
    files: Mapping[str, Path]

    @property
    def repo_type(self) -> str:
        """The kind of repository on the Hub: weights are a model, all else is data."""
        return "model" if self.kind == "weights" else "dataset"


def find_shared(place: str, kind: Kind | None = None) -> Shared:
    """Return what lies at a place, after comparing every file with its checksum, if it has one.

    place: the folder of a dissection, a level of a run, a `.safetensors` file of weights, the
        folder of a concept set in the layout of `masks:` or `broden:`, or such a name.
    kind: as what it is shared; of a level, its weights or its dissection. None takes what it is.
    Raises ConfigError for what cannot be shared, DataError for what is damaged.
    """
    if kind is not None and kind not in KINDS:
        raise ConfigError(f'the kind is "{kind}", but must be {" or ".join(KINDS)}')
    head, inner, _ = split_name(place)
    if head in _LAYOUTS and inner and not Path(place).exists():
        path, found = Path(inner).expanduser(), "concepts"
    else:
        path = Path(place).expanduser()
        found = _kind_of(path)
    if found == "level":
        inside = path / DISSECTION
        if kind == "dissection" and not inside.is_dir():
            raise DataError(f"{path} has no dissection: leave out --kind, or give weights")
        return _dissection(inside) if kind == "dissection" else _level(path, kind)
    if kind not in (None, found):
        raise ConfigError(f"{path} holds {found}, not {kind}: leave out --kind")
    readers: dict[str, Callable[[Path], Shared]] = {
        "dissection": _dissection,
        "weights": _weights,
        "concepts": _concepts,
    }
    return readers[found](path)


def check_shared(shared_as: Kind, root: Path) -> None:
    """Raise DataError where what was fetched into a folder cannot be used."""
    match shared_as:
        case "dissection":
            Dissection.load(root)
        case "concepts":
            _opened(root)
        case "weights":
            weights = root if is_level(root) else _only_weights(root)
            check_as_recorded(weights)
            read_weights(weights)


def name_of(shared_as: Kind, root: Path) -> str:
    """Return how commands name what was fetched into a folder."""
    if shared_as == "concepts":
        return f"{_layout_of(root)}:{root}"
    if shared_as == "weights" and not is_level(root):
        return str(_only_weights(root))
    return str(root)


def _kind_of(path: Path) -> str:
    if not path.exists():
        raise DataError(f"there is no {path}")
    if is_run(path):
        raise ConfigError(f"{path} is a whole run: give one of its levels")
    if path.is_file():
        if not is_safetensors(path):
            raise ConfigError(
                f"{path} is no safetensors file, and no other form of weights is shared: "
                "`prunescope prune ... --out NAME.safetensors` writes one"
            )
        return "weights"
    if is_level(path):
        return "level"
    if is_dissection(path):
        return "dissection"
    if any((path / table).is_file() for table in _LAYOUTS.values()):
        return "concepts"
    raise ConfigError(
        f"{path} is nothing that can be shared: give the folder of a dissection (`dissect --out`), "
        "a level of a run, a .safetensors file, or a concept set in the layout of masks: or "
        "broden: (`concepts convert` writes any set so)"
    )


def _dissection(path: Path) -> Shared:
    layers = Dissection.load(path).layers
    ours = [each for layer in layers for each in (path / layer).iterdir() if is_of_a_study(each)]
    files = [*ours, path / LAYERS]
    for file in files:
        check_recorded(file)
    return Shared(kind="dissection", root=path, files=_named(path, files))


def _level(path: Path, kind: Kind | None) -> Shared:
    if kind == "concepts":
        raise ConfigError(f"{path} is a level of a run, not concepts: leave out --kind")
    parts = [each for each in path.iterdir() if is_of_a_study(each) and _of_weights(each)]
    files = _below(parts)
    for file in files:
        check_recorded(file)
    return Shared(kind="weights", root=path, files=_named(path, files))


def _weights(path: Path) -> Shared:
    read_weights(path)
    files = [each for each in (path, mask_beside(path)) if each.is_file()]
    return Shared(kind="weights", root=path, files=_named(path.parent, files))


def _concepts(path: Path) -> Shared:
    _opened(path)
    patterns = _OF_A_SET[_layout_of(path)]
    parts = [each for pattern in patterns for each in path.glob(pattern)]
    return Shared(kind="concepts", root=path, files=_named(path, _below(parts)))


def _of_weights(part: Path) -> bool:
    """Return whether a part of a level belongs to its weights, their mask and their evaluation."""
    of_dissection = part.name.startswith("manifest-") and "dissection" in part.name
    return part.name not in _BESIDE_A_LEVEL and not of_dissection


def _opened(path: Path) -> ConceptSet:
    return open_concepts(f"{_layout_of(path)}:{path}")


def _layout_of(path: Path) -> str:
    found = [kind for kind, table in _LAYOUTS.items() if (path / table).is_file()]
    if not found:
        raise DataError(f"{path} is no concept set: it has none of {', '.join(_LAYOUTS.values())}")
    return found[0]


def _only_weights(folder: Path) -> Path:
    """Return the file of weights in a folder, beside which its mask may lie."""
    files = sorted(folder.glob("*.safetensors"))
    masks = {mask_beside(path) for path in files}
    weights = [path for path in files if path not in masks]
    if len(weights) != 1:
        raise DataError(f"{folder} holds {len(weights)} files of weights, but must hold one")
    return weights[0]


def _below(parts: Iterable[Path]) -> list[Path]:
    """Return the files among the parts of a folder, and those below them, sorted."""
    files: list[Path] = []
    for part in parts:
        files += [part] if part.is_file() else (Path(path) for path, _ in stated_files(part))
    return sorted(files)


def _named(root: Path, files: Iterable[Path]) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in files if path.is_file()}
