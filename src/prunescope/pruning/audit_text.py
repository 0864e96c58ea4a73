"""How does an audit read?"""

from prunescope.base.text import align, number, percent
from prunescope.networks.images import height_and_width
from prunescope.pruning.audit import Audit
from prunescope.pruning.counting import LayerCount
from prunescope.pruning.prunable import describe_left_out

_COLUMNS = {
    "weights": "weights",
    "left": "nonzero",
    "zero": "sparsity",
    "revived": "revived",
    "filters": "filters",
    "dead": "dead_filters",
    "dead units": "dead_units",
    "multiply-adds": "multiply_adds",
    "sparse": "sparse_multiply_adds",
}
"""What `LayerCount` calls what a column shows, by the column's heading."""


def describe_audit(audit: Audit) -> str:
    """Write an audit as a table of layers and a few lines."""
    rows = [(name, *_cells(layer)) for name, layer in audit.layers.items()]
    parts = [align([("layer", *_COLUMNS), *rows]), "", *_totals(audit)]
    unknown = dict.fromkeys(
        f"not counted: {reason}"
        for name, reason in audit.reasons.items()
        if name in ("multiply_adds", "dead_units")
    )
    parts += [f"note: {note}" for note in (*audit.notes, *unknown)]
    parts += [f"PROBLEM: {problem}" for problem in audit.problems]
    return "\n".join(parts)


def _cells(layer: LayerCount) -> list[str]:
    write = {"sparsity": percent}
    return [write.get(name, number)(getattr(layer, name)) for name in _COLUMNS.values()]


def _totals(audit: Audit) -> list[str]:
    sizes = ", ".join(f"{form} {size:,}" for form, size in audit.bytes.items())
    weights, left = number(audit.total("weights")), number(audit.total("nonzero"))
    lines = [
        f"{weights} weights in these layers, {left} not zero: {percent(audit.sparsity)} are zero",
        f"{audit.parameters:,} parameters, {audit.nonzero_parameters:,} not zero",
    ]
    if audit.keep is None:
        lines.append("no mask: nothing says which zeros are pruned weights")
    else:
        lines.append(
            f"by the mask {percent(audit.keep)} of the prunable weights are kept, "
            f"{percent(audit.keep_overall)} of all parameters"
        )
    if audit.revived_memory is not None:
        lines.append(f"{audit.revived_memory:,} pruned weights are remembered by the optimizer")
    if audit.resolution is not None and audit.total("multiply_adds") is not None:
        lines.append(
            f"{number(audit.total('multiply_adds'))} multiply-adds for an image of "
            f"{' x '.join(map(str, height_and_width(audit.resolution)))}, "
            f"{number(audit.total('sparse_multiply_adds'))} without the zeros"
        )
    lines += _against_dense(audit)
    lines.append(f"bytes: {sizes}")
    return [*lines, describe_left_out(audit.left_out)] if audit.left_out else lines


def _against_dense(audit: Audit) -> list[str]:
    """Say how much is left of the network from which channels were removed."""
    dense = audit.dense
    if dense is None:
        return []
    pairs = [
        (f"of {audit.network}, from which channels were removed, ", "filters", dense.filters),
        ("", "weights", dense.weights),
        ("", "multiply_adds", dense.multiply_adds),
    ]
    parts = []
    for prefix, name, whole in pairs:
        left = audit.total(name)
        if left is not None and whole:
            title = name.replace("_", "-")
            parts.append(f"{prefix}{left:,} of {whole:,} {title} are left, {percent(left / whole)}")
    return ["; ".join(parts)]
