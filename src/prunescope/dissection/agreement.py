"""Do the processes that share a dissection dissect the same, by the same means?

Each shows its part of the images and all counts are added up, so a process with another network,
other images or other settings would make every number wrong without a sign of it.
"""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.files import fingerprint
from prunescope.base.modules import hash_weights
from prunescope.base.ranks import Ranks
from prunescope.base.settings import NeverKeyed
from prunescope.base.text import counted, shortened
from prunescope.base.versions import versions_here
from prunescope.concepts.broken import WithoutBroken
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.basis_file import hash_directions
from prunescope.dissection.settings import DissectionSettings
from prunescope.results.left_out import left_out_names

_SHOWN = 5
_DIGITS = 12  # of a checksum that is shown


def check_agreement(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    units: Mapping[str, Sequence[int]],
    device: torch.device,
    ranks: Ranks,
) -> None:
    """Raise ConfigError or DataError where processes that share the images contradict each other.

    settings: with the names of the layers. units: the numbers of those of a smaller network.
    Every process raises the same, before it has shown an image.
    """
    if ranks.count == 1:
        return
    _check_left_out(concepts, ranks)
    statements = ranks.gather(
        {
            "host": socket.gethostname(),
            **_of_settings(settings),
            **_of_concepts(concepts),
            **_of_network(model, units),
            **dict(versions_here()),
            "device": device.type,
        }
    )
    names = dict.fromkeys(name for statement in statements for name in statement)
    del names["host"]
    different = [difference for name in names if (difference := _difference(name, statements))]
    if different:
        more = len(different) - _SHOWN
        raise ConfigError(
            f"the {ranks.count} processes that share the images contradict each other, so their "
            f"counts cannot be merged: {'; '.join(different[:_SHOWN])}"
            + (f"; and {counted(more, 'more difference')}" if more > 0 else "")
            + ". Give all of them the same network, concept set, settings and versions"
        )


def _difference(name: str, statements: Sequence[Mapping[str, Any]]) -> str:
    """Return what processes state of one thing, if they do not state the same; else nothing."""
    stating: dict[Any, list[str]] = {}
    for rank, statement in enumerate(statements):
        stating.setdefault(statement.get(name, ""), []).append(f"{rank} on {statement['host']}")
    if len(stating) == 1:
        return ""
    words = (
        f"{_shown(value)} in process{'es' * (len(those) > 1)} {', '.join(those)}"
        for value, those in stating.items()
    )
    return f"{name} is {', but '.join(words)}"


def _shown(value: str) -> str:
    is_checksum = re.fullmatch("[0-9a-f]{64}", value)
    return f"{value[:_DIGITS]}…" if is_checksum else shortened(value) or "absent"


def _of_settings(settings: DissectionSettings) -> dict[str, str]:
    """Return what a process states of its settings, all but those that change no number."""
    values = settings.model_dump(
        mode="json", exclude={"basis", "skip_broken", *settings.marked(NeverKeyed)}
    )
    statement = {name: json.dumps(value) for name, value in values.items()}
    statement["basis"] = settings.along
    if (file := settings.basis_file) is not None:
        layers = settings.layers
        hashes = [hash_directions(file, layer, layers) for layer in layers]
        statement["the checksum of its directions"] = fingerprint(hashes)
    return statement


def _of_concepts(concepts: ConceptSet) -> dict[str, str]:
    labels = [[label.number, label.name, label.category] for label in concepts.labels]
    return {
        "the number of images": f"{len(concepts.images):,}",
        "the checksum of the images' names": fingerprint(concepts.images),
        "the checksum of the labels": fingerprint([labels, concepts.categories]),
        "the fingerprint of the concept set": concepts.fingerprint,
    }


def _of_network(model: nn.Module, units: Mapping[str, Sequence[int]]) -> dict[str, str]:
    modules = [[name, type(module).__qualname__] for name, module in model.named_modules()]
    return {
        "the checksum of the network's modules": fingerprint(modules),
        "the checksum of its weights": hash_weights(model),
        "the checksum of its units' numbers": fingerprint(
            {layer: [int(number) for number in numbers] for layer, numbers in units.items()}
        ),
    }


def _check_left_out(concepts: ConceptSet, ranks: Ranks) -> None:
    """Raise DataError where processes leave out other images than others."""
    broken = concepts.left_out if isinstance(concepts, WithoutBroken) else ()
    found = ranks.gather([each.image for each in broken])
    if any(names != found[0] for names in found):
        raise DataError(
            "the processes that share the images leave out different ones: "
            f"{'; '.join(left_out_names(names) or 'none' for names in found)}: give all of "
            "them the same files"
        )
