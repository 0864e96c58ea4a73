"""Under which names does a network have the tensors of a file?

Tools wrap a network in another module, whose name for it then begins every name: DataParallel and
DDP `module.`, torch.compile `_orig_mod.`, FSDP `_fsdp_wrapped_module.`, activation checkpointing
`_checkpoint_wrapped_module.`, alone or nested; Lightning and OpenLTH whatever their users call the
network, mostly `model.`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from prunescope.base.errors import DataError
from prunescope.networks.reading.effective import weight_name

_WRAPPER_STEPS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
_PARALLEL = "module"
_AVERAGED = "n_averaged"  # of torch.optim.swa_utils.AveragedModel
_DEEPEST = 4

Rename = Callable[[str], str]


def renaming(names: Sequence[str], expected: Collection[str] | None = None) -> Rename:
    """Return the function from a name in a file to the network's name of the same tensor.

    expected: the network's names; None drops wrappers alone. The first of these ways that gives
    most of them is taken: names as they are, without wrappers, without the beginning they share.
    """
    tidy = _without_wrappers(names)
    if expected is None:
        return tidy
    expected = frozenset(expected)
    ways: list[Rename] = [str]
    for way in (tidy, _without_any_wrapper):
        ways += [way, *_without_beginnings([way(name) for name in names], way)]
    best = max(ways, key=lambda way: _fitting(map(way, names), expected))
    if not _fitting(map(best, names), expected):
        return tidy
    return lambda name: name if name in expected else best(name)


def is_average_counter(name: str) -> bool:
    """Return whether a tensor is the counter that an average of weights keeps beside them."""
    return name.rpartition(".")[2] == _AVERAGED


def networks_within(names: Iterable[str], expected: Collection[str]) -> list[str]:
    """Return the beginnings under which a file holds all of a network's names, in their order.

    Counters of batches, which old files lack, do not count.
    """
    needed = {name for name in expected if not name.endswith("num_batches_tracked")}
    below: dict[str, set[str]] = {}
    for name in names:
        parts = name.split(".")
        for depth in range(1, min(len(parts), _DEEPEST)):
            rest = ".".join(parts[depth:])
            below.setdefault(".".join(parts[:depth]), set()).update({rest, weight_name(rest)})
    return [beginning for beginning, rests in below.items() if needed and needed <= rests]


def refuse_collisions(names: Iterable[str], rename: Rename, where: str) -> None:
    """Raise DataError where two tensors of a file would get one name."""
    former: dict[str, str] = {}
    for name in names:
        first = former.setdefault(rename(name), name)
        if first != name:
            raise DataError(
                f"{where} holds both {first} and {name}, which are one tensor of a network: "
                "it is no state dict of one network"
            )


def _without_wrappers(names: Sequence[str]) -> Rename:
    """Return the way that drops steps of wrappers, and `module.` where it begins every name."""
    counted = [name for name in names if not is_average_counter(name)]
    parts = [_bare(name) for name in counted]
    depth = 0
    while parts and all(len(part) > depth + 1 and part[depth] == _PARALLEL for part in parts):
        depth += 1

    wrappers = [_PARALLEL] * depth
    return lambda name: ".".join(_dropped(_bare(name), wrappers))


def _dropped(parts: list[str], beginning: list[str]) -> list[str]:
    """Return the parts of a name behind a beginning; all of them where it begins otherwise."""
    return parts[len(beginning) :] if parts[: len(beginning)] == beginning else parts


def _bare(name: str) -> list[str]:
    return [part for part in name.split(".") if part not in _WRAPPER_STEPS]


def _without_any_wrapper(name: str) -> str:
    return ".".join(part for part in _bare(name) if part != _PARALLEL)


def _without_beginnings(names: Sequence[str], way: Rename) -> list[Rename]:
    """Return ways that go another and then drop the first part, or more, that all names share."""
    parts = [name.split(".") for name in names if not is_average_counter(name)]
    shared = 0
    while parts and all(len(p) > shared + 1 and p[shared] == parts[0][shared] for p in parts):
        shared += 1

    def dropping(depth: int) -> Rename:
        beginning = parts[0][:depth]
        return lambda name: ".".join(_dropped(way(name).split("."), beginning))

    return [dropping(depth) for depth in range(1, shared + 1)]


def _fitting(names: Iterable[str], expected: Collection[str]) -> int:
    pairs = ((name, weight_name(name)) for name in names)
    return len({plain if plain in expected else name for name, plain in pairs} & set(expected))
