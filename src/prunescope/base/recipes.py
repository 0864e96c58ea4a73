"""How is YAML of unknown origin read quickly as plain values, or refused in a line?

Plain values are mappings with texts as keys, lists, texts, numbers, true, false and null. Dates are
read as texts; sets and other tags are refused.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from prunescope.base.errors import ConfigError

_SEAL = "# sha256 of the lines above: "
LARGEST_RECIPE = 200_000  # bytes; a recipe has about a thousand
_MOST_VALUES = 10_000  # with what aliases repeat; to read as many takes half a second
_DEEPEST = 50
_MOST_DIGITS = 100
_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError)


def sealed(text: str) -> str:
    """Return YAML that ends with its checksum in a comment, which `read_plain` compares."""
    return f"{text}{_SEAL}{_checksum(text)}\n"


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
    lines, seal, checksum = text.rpartition(_SEAL)
    if seal and checksum.strip() != _checksum(lines):
        raise ConfigError(
            f"{path} is damaged, or was changed: its checksum is not the one in its last line; run "
            "its recipe again with the same --out, or remove that line if you changed the others"
        )
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


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _PlainLoader(yaml.SafeLoader):
    """Constructs plain values alone, and refuses a key that stands twice.

    What is too deep or too large is refused while it is read, since PyYAML takes seconds for it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = self._depth = 0

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= _DEEPEST:
            raise _too_deep(self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._values += 1
        self._depth += 1
        if self._values > _MOST_VALUES:
            raise _too_much(self.get_mark())
        if self._depth > _DEEPEST:
            raise _too_deep(self.get_mark())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

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
    names: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in _PLAIN | {f"{_TAG}merge"}:
            raise _fault("a key must be a name", key)
        if key.value in names:
            raise _fault(f'the key "{key.value:.40}" stands twice', key)
        if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
            kind = key.tag.removeprefix(_TAG)
            raise _fault(f"the key {key.value:.40} is read as {kind}: write it in quotes", key)
        names.add(key.value)


def _check_size(root: yaml.Node) -> None:
    """Refuse what nests too deeply, repeats too much, or is tagged as anything but plain."""
    counted: dict[int, int] = {}

    def count(node: yaml.Node, depth: int, name: str) -> int:
        if depth > _DEEPEST:
            raise _too_deep(node.start_mark)
        if node.tag not in _PLAIN and node.tag != f"{_TAG}merge":
            raise _fault(f"the tag {node.tag.replace(_TAG, '!!'):.60} is not for recipes", node)
        if node.tag == f"{_TAG}int" and len(node.value) > _MOST_DIGITS:
            raise _fault(f"the number{name} has {len(node.value):,} digits: too many", node)
        if id(node) not in counted:
            counted[id(node)] = 1 + sum(
                count(part, depth + 1, within) for part, within in _parts_of(node, name)
            )
        if counted[id(node)] > _MOST_VALUES:
            raise _too_much(node.start_mark)
        return counted[id(node)]

    count(root, 0, "")


def _parts_of(node: yaml.Node, name: str) -> Iterator[tuple[yaml.Node, str]]:
    """Yield the nodes in a node, each with the words that name its setting in a message."""
    for item in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(item, tuple):
            key, value = item
            yield key, name
            yield value, f" of {key.value:.40}" if isinstance(key, yaml.ScalarNode) else name
        else:
            yield item, name


def _too_deep(mark: Any) -> yaml.YAMLError:
    return _fault_at(f"it nests deeper than {_DEEPEST} levels", mark)


def _too_much(mark: Any) -> yaml.YAMLError:
    return _fault_at(f"it holds more than {_MOST_VALUES:,} values", mark)


def _fault(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return _fault_at(problem, node.start_mark)


def _fault_at(problem: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deeply"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    mark = getattr(error, "problem_mark", None)
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return " ".join(str(problem).split())[:200] + where
