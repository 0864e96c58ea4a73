"""What does the card of a shared result say? Every number on it is read from the files."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from prunescope.base.recipes import read_plain
from prunescope.base.tensors import load_metadata
from prunescope.base.text import counted, on_one_line
from prunescope.concepts import open_concepts
from prunescope.concepts.label_makers import labels_note
from prunescope.concepts.naming import title_of
from prunescope.experiment.hub.shared import Shared, name_of
from prunescope.networks.description import has_description
from prunescope.pruning.saved import SavedWeights, read_weights
from prunescope.results.dissection import LayerDissection
from prunescope.results.forms import read_json
from prunescope.results.kinds import is_level, is_run
from prunescope.results.labelled_by import LABELLED_BY, labelled_by_text
from prunescope.results.layout import METRICS, PROVENANCE, STUDY
from prunescope.results.left_out import left_out_text, names_left_out
from prunescope.results.opened import open_dissection
from prunescope.version import __version__

_TAGS = {
    "dissection": ("network-dissection", "interpretability"),
    "weights": ("pruning", "sparsity"),
    "concepts": ("concepts", "image-segmentation"),
}
_LEADS = {
    "dissection": "What each unit of a network sees: a network dissection",
    "weights": "A network with its weights, and the mask of those that were pruned",
    "concepts": "Photographs with labelled concepts, on which networks are dissected",
}

Facts = Sequence[tuple[str, str]]


def write_card(shared: Shared, repository: str) -> str:
    """Return the card as Markdown with its YAML front matter."""
    front = {"library_name": "prunescope", "tags": ["prunescope", *_TAGS[shared.kind]]}
    if shared.repo_type == "dataset":
        del front["library_name"]  # the Hub knows it of models alone
    lines = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
        f"# {repository.rpartition('/')[2]}",
        f"{_LEADS[shared.kind]}, shared by Prunescope.",
        *_tables(shared),
        "## Use it",
        f"```sh\n{_commands(shared, repository)}\n```",
        *_provenance(shared),
    ]
    return "\n\n".join(lines) + "\n"


def _tables(shared: Shared) -> Iterator[str]:
    match shared.kind:
        case "dissection":
            layers = open_dissection(shared.root).layers
            yield _layers(layers)
            level = shared.root.parent
            of_level = list(_of_level(level)) if is_level(level) else []
            yield _facts([*of_level, *_conditions(next(iter(layers.values())))])
        case "weights":
            yield _facts(list(_of_weights(shared.root)))
        case "concepts":
            yield _facts(list(_of_concepts(shared)))


def _layers(layers: Mapping[str, LayerDissection]) -> str:
    names = ("units", "interpretable", "concepts", "dead")
    lines = ["| layer | units | interpretable | concepts | dead |", "|---|---|---|---|---|"]
    for name, layer in layers.items():
        counts = layer.counts()
        lines.append(f"| {_cell(name)} | " + " | ".join(f"{counts[n]:,}" for n in names) + " |")
    return "\n".join(lines)


def _conditions(layer: LayerDissection) -> Facts:
    summary = layer.summary
    concepts, settings = summary.get("concept_set") or {}, summary.get("settings") or {}
    seen = summary.get("input") or {}
    found = {
        "concept set": concepts.get("name"),
        "its fingerprint": concepts.get("fingerprint"),
        "labels": labelled_by_text(summary.get(LABELLED_BY)),
        "images": summary.get("images"),
        "left out": left_out_text(names_left_out(summary)),
        "convention": summary.get("convention"),
        "interpretable above IoU": settings.get("iou"),
        "share of cells above a threshold": settings.get("quantile"),
        "input": f"{seen['resolution']} pixels a side" if seen.get("resolution") else None,
    }
    return [(name, str(value)) for name, value in found.items() if value is not None]


def _of_weights(root: Path) -> Iterator[tuple[str, str]]:
    saved = read_weights(root)
    if has_description(saved.path):
        described = saved.description
        if described is not None:
            yield "network", described.name
            if described.num_classes is not None:
                yield "classes", f"{described.num_classes:,}"
            if described.input is not None:
                yield "input", f"{described.input.resolution} pixels a side"
        else:  # a user's own code, which a file names, but may not choose
            yield "network", _named_in(saved)
    if saved.mask is not None:
        kept, size = saved.mask.survivors, saved.mask.size
        yield "keep", f"{kept / size:.4g} ({kept:,} of {size:,} prunable weights)"
    if is_level(root):
        yield from _of_level(root)


def _of_level(level: Path) -> Iterator[tuple[str, str]]:
    metrics = read_json(level / METRICS)
    yield "level", f"{metrics['level']} of {metrics['strategy']}"
    yield "replicate", str(metrics["replicate"])
    yield "keep, of the prunable weights", f"{metrics['keep']:.4g}"
    if metrics.get("keep_overall") is not None:
        yield "keep, of all parameters", f"{metrics['keep_overall']:.4g}"
    yield "top-1 accuracy", f"{100 * metrics['top1']:.2f} %"


def _named_in(saved: SavedWeights) -> str:
    return str(json.loads(load_metadata(saved.path)["network"])["name"])


def _of_concepts(shared: Shared) -> Iterator[tuple[str, str]]:
    concepts = open_concepts(name_of("concepts", shared.root))
    yield "images", f"{len(concepts.images):,}"
    yield "labels", f"{len(concepts.labels):,}"
    yield "categories", ", ".join(concepts.categories)
    yield "fingerprint", concepts.fingerprint
    if (made := labels_note(concepts)) is not None:
        yield "made", made


def _commands(shared: Shared, repository: str) -> str:
    folder = repository.rpartition("/")[2]
    pull = f"prunescope pull {repository} --out {folder}"
    match shared.kind:
        case "dissection":
            use = f"prunescope summary {folder}"
        case "concepts":
            use = f"prunescope concepts check {name_of('concepts', shared.root)}"
            use = use.replace(str(shared.root), folder)
        case "weights":
            place = folder if is_level(shared.root) else f"{folder}/{shared.root.name}"
            use = f"prunescope audit {place}"
    return f"{pull}\n{use}"


def _provenance(shared: Shared) -> Iterator[str]:
    """Yield how it was made, as far as the files say it."""
    facts = [("shared by", f"Prunescope {__version__}")]
    run = next((parent for parent in shared.root.resolve().parents if is_run(parent)), None)
    if run is not None:
        facts = [*_of_run(run), *facts]
    yield f"## How it was made\n\n{_facts(facts)}"


def _of_run(run: Path) -> Iterator[tuple[str, str]]:
    recipe: Any = read_plain(run / STUDY)
    yield "study", str(recipe.get("name", run.name))
    yield "network", str(recipe.get("network"))
    for name in ("data", "concepts"):
        source = (recipe.get(name) or {}).get("source")
        if source is not None:
            yield name, title_of(source) if name == "concepts" else Path(source).name
    invocations = read_json(run / PROVENANCE).get("invocations") or [{}]
    last = invocations[-1]
    if command := last.get("command"):
        yield "command", f"`{shlex.join(['prunescope', *map(_placeless, command[1:])])}`"
    packages = {"prunescope": last.get("prunescope"), **(last.get("packages") or {})}
    yield "versions", ", ".join(f"{name} {each}" for name, each in packages.items() if each)
    runs = counted(len(invocations), "invocation")
    yield "machine", f"{last.get('machine')}, {last.get('gpu') or 'no GPU'} ({runs})"


def _placeless(argument: str) -> str:
    """Return an argument of a command without the folders of an absolute path."""
    return Path(argument).name if argument.startswith("/") else argument


def _facts(facts: Facts) -> str:
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in facts]
    return "\n".join(["| | |", "|---|---|", *rows])


def _cell(text: str) -> str:
    return on_one_line(text).replace("|", "\\|")
