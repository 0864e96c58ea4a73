"""Which of the networks in a file does the user mean?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import a_kind, counted, on_one_line, shortened
from prunescope.networks.reading.names import renaming
from prunescope.networks.reading.values import few

State = dict[Any, Any]

STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights")
_NO_NETWORKS = re.compile(r"optim|sched|scaler|spars|criterion|loss|^(loop|rng|arg)", re.I)
_CALLBACKS = re.compile("callback", re.I)
_AVERAGES = re.compile("ema|swa|averag|shadow", re.I)
_EXTRA = "_extra_state"
_DEEPEST = 6


def choose_network(content: Any, where: str, key: str | None) -> State:
    """Return the one state dict in what a file holds, names and values as they are.

    key: which, where there are several: dots lead from one level to the next, and at last to the
        beginning of names ("state_dict.model"). None takes the only one.
    Raises DataError where there is none, or where there are several and no key says which, listing
    them; ConfigError for a key that leads to none.
    """
    if key is not None:
        return _at_key(content, where, key)
    networks = _distinct(_networks_in(content))
    name = next(iter(networks), "")
    _refuse_nameless(content, where, name)
    if len(networks) > 1:
        raise DataError(
            f"{where} holds {len(networks)} networks: {_listed(networks)}. Choose one: --key "
            f'{name} (in Python key="{name}", in a recipe start.key)'
        )
    if networks:
        return refuse_several(_tensors(networks[name], where), where, name)
    if not isinstance(content, Mapping):
        raise DataError(
            f"{where} holds {a_kind(content)}, not a state dict (names and their tensors)"
        )
    raise DataError(
        f"{where} is not a state dict, nor holds one as {' or '.join(STATE_DICT_KEYS)}: "
        + (_empty_within(content) or _complain(content) or _without_names(content))
    )


def refuse_several(state: State, where: str, inside: str = "") -> State:
    """Return a state dict; raise DataError where its names begin with those of several networks.

    inside: the key at which it lies in its file, if any.
    """
    groups: dict[str, State] = {}
    tidy = renaming(list(state))
    for name, value in state.items():
        first, dot, rest = tidy(name).partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = value
    pairs = {name: group for name, group in groups.items() if _is_of_a_pair(name, groups)}
    if len(pairs) < 2:
        return state
    prefix = f"{inside}." if inside else ""
    listed = _listed({prefix + name: group for name, group in pairs.items()})
    raise DataError(
        f"{where} holds {len(pairs)} networks: {listed}. Choose one: --key "
        f'{prefix}{next(iter(pairs))} (in Python key="...", in a recipe start.key)'
    )


def _is_of_a_pair(name: str, groups: Mapping[str, State]) -> bool:
    """Return whether a name begins as one of several networks does: teacher, netG, model_ema."""
    of_pairs = ("student", "teacher", "generator", "discriminator", "netg", "netd", "online")
    if name.lower().removesuffix("_network") in (*of_pairs, "target", "g", "d"):
        return True
    twins = [f"{name}_ema", f"ema_{name}", f"ema{name}"]
    plain = name.removesuffix("_ema").removeprefix("ema_").removeprefix("ema")
    is_twin = plain != name and (plain in groups or "model" in groups)
    return is_twin or any(twin in groups for twin in twins) or (name == "model" and "ema" in groups)


def _networks_in(content: Any) -> dict[str, State]:
    return dict(_networks(content, "", _DEEPEST))


def _networks(content: Any, path: str, depth: int) -> Iterator[tuple[str, State]]:
    """Yield every state dict in what a file holds, by the key that leads to it."""
    if not isinstance(content, Mapping) or "param_groups" in content or depth == 0:
        return
    if not all(isinstance(name, str) for name in content):
        return
    if _is_state_dict(content) or (not path and _is_flat(content)):
        yield path, dict(content)
        return
    for name, part in content.items():
        if not isinstance(part, Mapping) or _NO_NETWORKS.search(name):
            continue
        averages = {key: state for key, state in part.items() if _AVERAGES.search(str(key))}
        value = averages if _CALLBACKS.search(name) else part
        deeper = f"{path}.{name}" if path else name
        inner = list(_networks(value, deeper, depth - 1))
        if name in STATE_DICT_KEYS and value and not inner:
            yield deeper, dict(value)  # meant as a network; `_tensors` says what is wrong with it
        yield from inner


def _refuse_nameless(content: Any, where: str, network: str) -> None:
    """Raise DataError for averages of a network's weights that are a list, without names."""
    nameless = next(_lists_of_tensors(content, "", _DEEPEST), None)
    if nameless is None:
        return
    name, count = nameless
    advice = f"; for the other network give --key {network}" if network else ""
    raise DataError(
        f"{where} holds averages without names ({name}, {counted(count, 'tensor')}), which may be "
        "the better network: copy them into it (copy_to of torch_ema and diffusers), and save its "
        f"state_dict(){advice}"
    )


def _lists_of_tensors(content: Any, path: str, depth: int) -> Iterator[tuple[str, int]]:
    """Yield lists of tensors that may be averages, by the key that leads to them, and how many."""
    if not isinstance(content, Mapping) or depth == 0:
        return
    for name, value in content.items():
        deeper = f"{path}.{name}" if path else str(name)
        if isinstance(value, list | tuple) and _AVERAGES.search(deeper):
            if len(value) > 1 and all(isinstance(item, Tensor) for item in value):
                yield deeper, len(value)
        elif not _NO_NETWORKS.search(str(name)):
            yield from _lists_of_tensors(value, deeper, depth - 1)


def _is_state_dict(content: Mapping[str, Any]) -> bool:
    """Return whether a mapping is one network's: tensors alone, and weights among them."""
    values = {name: value for name, value in content.items() if not name.endswith(_EXTRA)}
    if not values or any(_is_packed(name) for name in values):
        return bool(values) and any(isinstance(value, Tensor) for value in values.values())
    tensors = all(isinstance(value, Tensor) for value in values.values())
    return tensors and any("weight" in name or value.dim() > 1 for name, value in values.items())


def _is_flat(content: Mapping[str, Any]) -> bool:
    return bool(content) and all(isinstance(value, Tensor) for value in content.values())


def _is_packed(name: str) -> bool:
    return "_packed_params" in name


def _tensors(state: State, where: str) -> State:
    """Return the tensors of a state dict, without what modules save beside them.

    Raises DataError for anything else in it; what torch packs when it quantises is left to say so.
    """
    kept = {str(name): v for name, v in state.items() if not str(name).endswith(_EXTRA)}
    objects = {k: v for k, v in kept.items() if not isinstance(v, Tensor) and not _is_packed(k)}
    if objects or not kept:
        raise DataError(
            f"{where} is not a state dict, nor holds one as {' or '.join(STATE_DICT_KEYS)}: "
            + (_complain(objects) or "it is empty")
        )
    return kept


def _distinct(networks: Mapping[str, State]) -> dict[str, State]:
    """Drop networks that equal an earlier one, tensor by tensor."""
    kept: dict[str, State] = {}
    for name, state in networks.items():
        if not any(_equal(state, earlier) for earlier in kept.values()):
            kept[name] = state
    return kept


def _equal(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(
        isinstance(a, Tensor)
        and isinstance(b, Tensor)
        and (a.layout, a.dtype, a.shape) == (b.layout, b.dtype, b.shape)
        and not a.is_meta
        and bool((a.to_dense() == b.to_dense()).all())
        for a, b in ((value, second[name]) for name, value in first.items())
    )


def _at_key(content: Any, where: str, key: str) -> State:
    reached = _follow(content, key)
    if reached is None:
        inside = (_beginning(state, key) for state in _networks_in(content).values())
        reached = next((state for state in inside if state), None)
    if isinstance(reached, Mapping):
        lower = _networks_in(reached)
        if len(lower) == 1:
            return _tensors(next(iter(lower.values())), where)
        if lower:
            raise ConfigError(
                f'{where}: "{key}" holds {len(lower)} networks: '
                f"{_listed({f'{key}.{name}': state for name, state in lower.items()})}"
            )
        if _is_flat(reached):
            return _tensors(dict(reached), where)
    networks = {name: state for name, state in _networks_in(content).items() if name}
    hint = nearest(key, networks)
    there = f"it holds {_listed(networks)}" if networks else "it holds one network: leave out --key"
    raise ConfigError(f'{where} has no network "{key}"{hint}: {there}')


def _follow(content: Any, key: str) -> Any:
    """Return what a dotted key leads to, through mappings, and at last by how names begin."""
    if not isinstance(content, Mapping):
        return None
    if key in content:
        return content[key]
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        head, rest = ".".join(parts[:length]), ".".join(parts[length:])
        if isinstance(content.get(head), Mapping):
            return _follow(content[head], rest)
    return _beginning(content, key)


def _beginning(state: Mapping[Any, Any], key: str) -> State | None:
    """Return the tensors whose names begin with a key, without it; wrappers do not count."""
    names = [name for name in state if isinstance(name, str) and isinstance(state[name], Tensor)]
    tidy = renaming(names)
    for way in (str, tidy):
        kept = {
            way(name).removeprefix(f"{key}."): state[name]
            for name in names
            if way(name).startswith(f"{key}.")
        }
        if kept:
            return kept
    return None


def _listed(networks: Mapping[str, State]) -> str:
    return ", ".join(f"{name or 'its own names'} ({_size(s)})" for name, s in networks.items())


def _size(state: State) -> str:
    tensors = [value for value in state.values() if isinstance(value, Tensor)]
    values = sum(tensor.numel() for tensor in tensors)
    return f"{counted(len(tensors), 'tensor')}, {values:,} values"


def _empty_within(content: Mapping[Any, Any]) -> str:
    """Say which of the keys that hold a network is empty, if one is."""
    empty = [name for name in STATE_DICT_KEYS if content.get(name) == {}]
    return f"its {empty[0]} is empty" if empty else ""


def _without_names(content: Mapping[Any, Any]) -> str:
    if not content:
        return "it is empty"
    first = on_one_line(shortened(repr(next(iter(content)))))
    return f"its tensors have no names: the first is stored under {first}"


def _complain(content: Mapping[Any, Any]) -> str:
    names = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if not names:
        return ""
    return f"{len(names)} not tensors: {few(names)}"
