"""What are the files and folders of a run, a level, a dissection and a comparison called?"""

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# of a run; the page of a preview has the same name
STUDY = "study.yaml"
PROVENANCE = "provenance.json"
LOCK = ".lock"
WORK = ".work"
OUTDATED = "outdated"
CHECKPOINT = "checkpoint.safetensors"  # of what is not finished, in the folder of work
TRACKING = "tracking"  # what trackers write while a study runs
TABLES, FIGURES, REPORT = "tables", "figures", "report"
LEVELS, INTERVALS = "levels.csv", "intervals.csv"
UNIT_SHARES = "unit_shares.parquet"
CONCEPT_OUTCOMES = "concept_outcomes.parquet"
VERDICT = "verdict.json"
STRATEGIES = "strategies.csv"  # compared with each other
LEVEL_QUANTILES = "quantiles.csv"
LOOKS = "looks.json"  # how often a verdict was given
CLASSES, EXEMPLARS = "classes.csv", "exemplars.csv"  # which classes and images paid
BARRIERS, LINES = "instability.csv", "instability_lines.csv"  # of several rewind points
INSTABILITY_FIGURE = "instability"
TWINS, TWIN_UNITS = "twins.csv", "twin_units.parquet"
PAGE = "index.html"
ASSETS = "assets"

# of every finished folder of a run, and of what another stage adds to it
MANIFEST = "manifest.json"
_MANIFEST_OF_A_PART = "manifest-{}.json"
MANIFESTS = "manifest*.json"
_MANIFEST = re.compile(fnmatch.translate(MANIFESTS))

# of a level, and of the rewind point
WEIGHTS = "weights.safetensors"
MASK = "mask.safetensors"
METRICS = "metrics.json"
PREDICTIONS = "predictions.parquet"
HISTORY = "history.csv"
_KEPT = "checkpoints/{}.safetensors"
DISSECTION = "dissection"

# of a dissected layer
UNITS, UNITS_AS_TEXT = "units.parquet", "units.csv"
COUNTS = "overlap.safetensors"
QUANTILES = "quantiles.parquet"  # where other quantiles were counted, too
WORDS = "words.parquet"  # where units were given words, too
BASIS = "basis.safetensors"  # where directions were dissected, not units
IMAGES = "images.parquet"
EXAMPLES = "examples.parquet"
BORDERLINE, PEAKS = "borderline.parquet", "peaks.parquet"  # not in results of earlier versions
SUMMARY = "summary.json"
FORMULAS, FORMULAS_AS_TEXT = "formulas.parquet", "formulas.csv"  # where they were searched for
MASKS, DRAWS = "masks.parquet", "draws.safetensors"
# only in a run, where scores are a stage of their own
CONDITIONS, ASSOCIATION = "conditions.json", "association.safetensors"
OF_A_LAYER = frozenset(
    {
        *(UNITS, UNITS_AS_TEXT, COUNTS, BASIS, QUANTILES, IMAGES, EXAMPLES, BORDERLINE, PEAKS),
        *(WORDS, SUMMARY, FORMULAS, FORMULAS_AS_TEXT, MASKS, DRAWS, MANIFEST),
    }
)

_OF_A_STAGE = OF_A_LAYER | {
    *(WEIGHTS, MASK, METRICS, PREDICTIONS, HISTORY, DISSECTION, CONDITIONS, ASSOCIATION),
    _KEPT.split("/")[0],
}

# of layers that were dissected together, and of a comparison: the checksums of their files
LAYERS = "layers.json"
CHECKSUMS = "checksums.json"

# of one network that was evaluated, or of two
EVALUATION = "evaluation.json"
PREDICTIONS_OF_SIDES = {"a": "predictions_a.parquet", "b": "predictions_b.parquet"}
OF_AN_EVALUATION = frozenset(
    {EVALUATION, PREDICTIONS, *PREDICTIONS_OF_SIDES.values(), CLASSES, CHECKSUMS}
)

# of a network that was evaluated without some units
ABLATION = "ablation.json"
PREDICTIONS_OF_ABLATION = {name: f"predictions_{name}.parquet" for name in ("whole", "without")}
OF_AN_ABLATION = frozenset({ABLATION, CLASSES, CHECKSUMS, *PREDICTIONS_OF_ABLATION.values()})

# of a comparison, and of one of several conventions
CONCEPTS = "concepts.csv"
EVALUATED = "evaluation"
COMPARISON_FIGURES = ("comparison.png", "comparison.svg")
CONVENTIONS_COMPARED = "conventions.csv"

DENSE = "dense"
"""What tables call the strategy of level 0, which all strategies share."""

_LONGEST = 255  # bytes of a name that file systems take
_RESERVED = re.compile(r"level-|rewind$|twin-")
_LEVELS = ("replicate-*/level-*", "replicate-*/twin-*", "replicate-*/*/level-*")
_TWIN, _A_TWIN = "twin-{}", re.compile(r"twin-[1-9]\d*")


@dataclass(frozen=True, kw_only=True)
class LevelKey:
    """Which level of a study it is. strategy: `DENSE` for level 0, `twin_name` for a dense twin."""

    replicate: int
    strategy: str
    level: int

    @property
    def path(self) -> str:
        """Its folder, relative to the run's."""
        if self.is_twin:
            return f"{replicate_path(self.replicate)}/{self.strategy}"
        within = "" if self.level == 0 else f"{self.strategy}/"
        return f"{replicate_path(self.replicate)}/{within}{level_name(self.level)}"

    @property
    def is_twin(self) -> bool:
        """Whether it is a dense twin of level 0."""
        return self.level == 0 and _A_TWIN.fullmatch(self.strategy) is not None

    @property
    def title(self) -> str:
        """Its name in messages."""
        if self.is_twin:
            return f"replicate {self.replicate}, {self.strategy.replace('-', ' ')}"
        of = "" if self.level == 0 else f" of {self.strategy}"
        return f"replicate {self.replicate}, level {self.level}{of}"

    @property
    def rewind_path(self) -> str:
        """The folder of the rewind point of its replicate, relative to the run's."""
        return rewind_path(self.replicate)

    @property
    def dense(self) -> "LevelKey":
        """Level 0 of its replicate."""
        return LevelKey(replicate=self.replicate, strategy=DENSE, level=0)

    @property
    def before(self) -> "LevelKey":
        """The level from which this one was pruned."""
        strategy = DENSE if self.level == 1 else self.strategy
        return LevelKey(replicate=self.replicate, strategy=strategy, level=self.level - 1)


def is_of_a_study(path: Path) -> bool:
    """Return whether what lies in the folder of a level or a layer has a name of ours."""
    return path.name in _OF_A_STAGE or path.match(MANIFESTS)


def manifest_name(part: str = "") -> str:
    """Return the name of a folder's manifest, or of the manifest of one part of its files."""
    return _MANIFEST_OF_A_PART.format(part) if part else MANIFEST


def is_manifest(name: str) -> bool:
    """Return whether a file's name is one that `MANIFESTS` finds."""
    return _MANIFEST.match(name) is not None


def part_named(manifest: str) -> str:
    """Return the part that a manifest's name states; empty for that of the folder."""
    before, after = _MANIFEST_OF_A_PART.split("{}")
    return manifest.removeprefix(before).removesuffix(after) if manifest != MANIFEST else ""


def kept_name(step: str) -> str:
    """Return the name of the weights that were kept at a step ("10ep") of a training."""
    return _KEPT.format(step)


def replicate_path(replicate: int) -> str:
    """Return the folder of a replicate, relative to the run's."""
    return f"replicate-{replicate}"


def level_name(level: int) -> str:
    """Return the last part of a level's folder."""
    return f"level-{level:02d}"


def twin_name(number: int) -> str:
    """Return what tables call a dense twin of level 0, counted from 1, and its folder."""
    return _TWIN.format(number)


def rewind_path(replicate: int) -> str:
    """Return the folder of a replicate's rewind point, relative to the run's."""
    return f"{replicate_path(replicate)}/rewind"


def layer_path(level: str | Path, layer: str) -> str:
    """Return the folder of a layer dissected at a level, whose folder is given."""
    return f"{level}/{DISSECTION}/{layer}"


def names_a_folder(layer: str) -> bool:
    """Return whether a folder of a layer's name lies in the folder that it is made in."""
    is_inside = layer not in ("", ".", "..") and not any(mark in layer for mark in "/\\\0")
    return is_inside and len(layer.encode("utf-8", "replace")) <= _LONGEST


def is_reserved(strategy: str) -> bool:
    """Return whether the folder of a strategy of this name would clash with another."""
    return _RESERVED.match(strategy) is not None


def level_folders(run: Path) -> Iterator[Path]:
    """Yield the folders of a run's levels, the dense ones first."""
    for pattern in _LEVELS:
        yield from sorted(run.glob(pattern))
