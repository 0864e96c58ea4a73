"""What lies at a place that is to be shared, which files make it up, and are they sound?"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.formats import is_safetensors
from prunescope.base.paths import stated_files
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.request import split_name
from prunescope.pruning.saved import check_as_recorded, mask_beside, read_weights
from prunescope.results.dissection import Dissection
from prunescope.results.kinds import is_dissection, is_level, is_run
from prunescope.results.layout import DISSECTION, LAYERS, REPORT
from prunescope.results.manifest import check_recorded

Kind: TypeAlias = Literal["dissection", "weights", "concepts"]
"""As what something is shared."""

RECORD = "prunescope.json"
"""The file of a repository that says what was shared: its kind, and the checksum of each file."""

CARD = "README.md"

KINDS: tuple[str, ...] = get_args(Kind)
_LAYOUTS = {"masks": "names.csv", "broden": "index.csv"}
_BESIDE_A_LEVEL = (DISSECTION, "checkpoints")
_OURS = (REPORT, CARD, RECORD)  # made anew when it is shared


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
    files = [*_below(path, [path / layer for layer in layers]), path / LAYERS]
    for file in files:
        check_recorded(file)
    return Shared(kind="dissection", root=path, files=_named(path, files))


def _level(path: Path, kind: Kind | None) -> Shared:
    if kind == "concepts":
        raise ConfigError(f"{path} is a level of a run, not concepts: leave out --kind")
    files = [each for each in _below(path, [path]) if _of_weights(each.relative_to(path))]
    for file in files:
        check_recorded(file)
    return Shared(kind="weights", root=path, files=_named(path, files))


def _weights(path: Path) -> Shared:
    read_weights(path)
    files = [each for each in (path, mask_beside(path)) if each.is_file()]
    return Shared(kind="weights", root=path, files=_named(path.parent, files))


def _concepts(path: Path) -> Shared:
    assert _opened(path).fingerprint  # which reads every file
    return Shared(kind="concepts", root=path, files=_named(path, _below(path, [path])))


def _of_weights(relative: Path) -> bool:
    """Return whether a file of a level belongs to its weights, their mask and their evaluation."""
    of_dissection = relative.name.startswith("manifest-") and "dissection" in relative.name
    return relative.parts[0] not in _BESIDE_A_LEVEL and not of_dissection


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


def _below(root: Path, folders: Iterable[Path]) -> list[Path]:
    """Return the files below folders, sorted, but a page and what an earlier `pull` added."""
    files = [Path(path) for folder in folders for path, _ in stated_files(folder)]
    return sorted(path for path in files if path.relative_to(root).parts[0] not in _OURS)


def _named(root: Path, files: Iterable[Path]) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in files if path.is_file()}
