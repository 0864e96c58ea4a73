"""How is YAML that anybody may have written read: quickly, as plain values, or refused in a line?

Plain values are mappings with texts for keys, lists, texts, numbers, true, false and null. What
else YAML can say (dates, sets, other tags) is a text or is refused.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from prunescope.base.errors import ConfigError

LARGEST_RECIPE = 200_000  # bytes; a recipe has about a thousand
_MOST_VALUES = 20_000  # with what aliases repeat
_DEEPEST = 50
_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError)


def read_plain(path: Path) -> Any:
    """Read the plain values in a file. Raises ConfigError in one line, naming it."""
    if not path.exists() and not path.is_symlink():
        raise ConfigError(f"{path} does not exist")
    if not path.is_file():
        raise ConfigError(f"{path} is not a file")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_RECIPE + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_RECIPE:
        raise ConfigError(f"{path} holds more than {LARGEST_RECIPE:,} bytes, so it is no recipe")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 (byte {error.start + 1:,}): save it with that encoding"
        ) from None
    return plain_values(text, str(path))


def plain_values(text: str, where: str) -> Any:
    """Read plain values from YAML. Raises ConfigError in one line, `where` at its beginning."""
    try:
        loader = _PlainLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_size(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except _UNREADABLE as error:
        raise ConfigError(f"{where} is not YAML as recipes use it: {_reason(error)}") from None


class _PlainLoader(yaml.SafeLoader):
    """Constructs plain values alone, and refuses a key that stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 2024-01-01 for a date and 1:30 for a number; recipes mean texts
_PlainLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in (f"{_TAG}timestamp", f"{_TAG}int", f"{_TAG}float")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"), list("-+0123456789")
)
_PlainLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in _PLAIN | {f"{_TAG}merge"}:
            raise _fault("a key must be a name", key)
        if key.value in seen:
            raise _fault(f'the key "{key.value:.40}" stands twice', key)
        if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
            kind = key.tag.removeprefix(_TAG)
            raise _fault(f"the key {key.value:.40} is read as {kind}: write it in quotes", key)
        seen.add(key.value)


def _check_size(root: yaml.Node) -> None:
    """Refuse what nests too deeply, repeats too much, or is tagged as anything but plain."""
    counted: dict[int, int] = {}

    def count(node: yaml.Node, depth: int) -> int:
        if depth > _DEEPEST:
            raise _fault(f"it nests deeper than {_DEEPEST} levels", node)
        if node.tag not in _PLAIN and node.tag != f"{_TAG}merge":
            raise _fault(f"the tag {node.tag.replace(_TAG, '!!'):.60} is not for recipes", node)
        if id(node) not in counted:
            within = node.value if isinstance(node, yaml.CollectionNode) else ()
            parts = (each for item in within for each in (item if _is_pair(item) else (item,)))
            counted[id(node)] = 1 + sum(count(part, depth + 1) for part in parts)
        if counted[id(node)] > _MOST_VALUES:
            raise _fault(f"it holds more than {_MOST_VALUES:,} values", node)
        return counted[id(node)]

    count(root, 0)


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple)


def _fault(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deeply"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return " ".join(str(problem).split())[:200] + place
