"""What does each public name take, give and raise? A page of the site, made from docstrings.

The docstrings are plain text: a first line, sentences, `name: text` for each argument or field with
further lines indented, tables of aligned columns, and what is raised.
"""

import html
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

import prunescope
import prunescope.version

PAGE = "reference.md"
_BEGINNING = """\
# API reference

Every public name of `import prunescope as ps`, from its docstring: `help(ps.dissect)` shows the
same text. [From Python](python.md) shows how they work together.
"""
GROUPS = {
    "Networks": (
        *("load_network", "LoadedNetwork", "list_layers"),
        *("evaluate", "ablate", "prune", "Mask", "MaskKeeper"),
    ),
    "Dissecting": ("dissect", "conventions", "Dissection", "LayerDissection"),
    "Comparing": (
        *("compare", "compare_networks", "evaluate_pair"),
        *("Comparison", "LayerComparison", "RunComparison"),
    ),
    "Studies and runs": ("Study", "merge", "Run", "Level"),
    "Concept sets": ("segment",),
    "Files": ("load", "audit", "export", "push", "pull"),
    "Figures": tuple(name for name in prunescope.__all__ if name.startswith("plot_")),
    "Errors": ("PrunescopeError", "ConfigError", "DataError"),
}
_SPACED = re.compile(r"\S {2,}\S")  # columns of a table in text
_PATH = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")
_PAGE_NAME = re.compile(r"docs/([\w-]+)(?:\.md)?\b")


def reference_page() -> str:
    """Return the page: each public name with its signature, text, arguments and members."""
    grouped = {name for names in GROUPS.values() for name in names}
    groups = GROUPS | {"Others": tuple(n for n in prunescope.__all__ if n not in grouped)}
    parts = [_BEGINNING]
    for title, names in groups.items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += entry(f"ps.{name}", getattr(prunescope, name))
    parts.append("## What these return\n")
    for value in _returned():
        parts += entry(value.__name__, value)
    return "\n".join(parts)


def entry(title: str, value: Any) -> Iterator[str]:
    """Yield the parts of a page on a function or a class; of a class with its members."""
    yield f"### `{title}` {{ #{title.removeprefix('ps.').strip('_')} }}\n"
    if not callable(value):
        yield f"The version of Prunescope, as text: `{value!r}`.\n"
        return
    shown = inspect.isfunction(inspect.unwrap(value)) or _has_fields(value)
    yield _explained(value, title if shown else None, _text_of(value))
    if inspect.isclass(value):
        for name, member in _members(value):
            yield from _member(title.removeprefix("ps."), name, member)


def _member(owner: str, name: str, member: Any) -> Iterator[str]:
    called = {"__call__": "(...)", "__getitem__": "[...]"}.get(name, f".{name}")
    yield f"#### `{owner}{called}` {{ #{owner}.{name.strip('_')} }}\n"
    function = getattr(member, "__func__", member)
    shown = inspect.isfunction(function)
    yield _explained(function, owner + called if shown else None, _text_of(member))


def _text_of(value: Any) -> str:
    return inspect.getdoc(getattr(value, "__func__", value)) or ""


def _has_fields(value: Any) -> bool:
    return inspect.isclass(value) and not issubclass(value, Exception)


# --- what belongs to a class ---------------------------------------------------------------------


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the methods and properties that a class of ours defines, in the order of its source."""
    fields = set(inspect.signature(kind).parameters) if _has_fields(kind) else set()
    seen = set(fields)
    for home in kind.__mro__:
        if not home.__module__.startswith("prunescope"):
            continue
        for name, member in vars(home).items():
            special = name in ("__call__", "__getitem__") and _text_of(member)
            if name in seen or (name.startswith("_") and not special):
                continue
            if callable(member) or hasattr(member, "__get__"):
                seen.add(name)
                yield name, member


def _returned() -> list[type]:
    """Return the classes of ours that public functions return, but that are no public names."""
    public = {getattr(prunescope, name) for name in prunescope.__all__}
    classes = [value for value in public if inspect.isclass(value)]
    functions = [value for value in public if inspect.isfunction(value)]
    members = [member for kind in classes for _, member in _members(kind)]
    functions += [getattr(member, "__func__", member) for member in members]
    found = {
        kind
        for function in functions
        if inspect.isfunction(function)
        for kind in _classes(get_type_hints(inspect.unwrap(function)).get("return"))
        if kind.__module__.startswith("prunescope")
        and not any(issubclass(named, kind) for named in classes)
    }
    return sorted(found, key=lambda kind: kind.__name__)


def _classes(annotation: Any) -> Iterator[type]:
    if inspect.isclass(annotation):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes(inner)


# --- a signature and a docstring -----------------------------------------------------------------


def _explained(value: Callable[..., Any], title: str | None, text: str) -> str:
    """Return a text with its arguments as a list, beneath a line that shows how it is called."""
    parameters = _parameters(value) if title else []
    names = {parameter.name for parameter in parameters}
    said, texts = _split(text, names)
    parts = [f"```python\n{_call(title, parameters)}\n```"] if title and parameters else []
    parts.append(said)
    if parameters:
        rows = [_row(parameter, texts.get(parameter.name, "")) for parameter in parameters]
        parts.append('<dl class="arguments">\n' + "\n".join(rows) + "\n</dl>")
    return "\n\n".join(part for part in parts if part) + "\n"


def _parameters(value: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:  # of a builtin, such as an exception
        return []
    return [parameter for parameter in parameters if parameter.name not in ("self", "cls")]


def _call(title: str, parameters: list[inspect.Parameter]) -> str:
    """Return the call as code, an argument with its default a line where one line is too short."""
    words, starred = [], False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            starred = True
            words.append("*")
        has_default = parameter.default is not inspect.Parameter.empty
        words.append(parameter.name + (f"={_default(parameter)}" if has_default else ""))
    opened, closed = title.replace("(...)", "") + "(", ")"
    if title.endswith("[...]"):
        opened, closed = title.replace("[...]", "["), "]"
    line = f"{opened}{', '.join(words)}{closed}"
    if len(line) <= 80:
        return line
    body = textwrap.fill(", ".join(words), 76, break_on_hyphens=False, break_long_words=False)
    return f"{opened}\n{textwrap.indent(body, '    ')}\n{closed}"


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if re.fullmatch(r"<.*>", repr(value)):
        return "..." if "factory" in repr(value) else f"{type(value).__name__}()"
    return repr(value)


def _row(parameter: inspect.Parameter, text: str) -> str:
    kind = _kind(parameter.annotation)
    if parameter.default is not inspect.Parameter.empty:
        kind += f" = {_default(parameter)}"
    term = f"<code>{parameter.name}</code> <span>{html.escape(kind, quote=False)}</span>"
    return f"<dt>{term}</dt>" + (f"<dd>{_inline(text)}</dd>" if text else "")


def _kind(annotation: Any) -> str:
    """Return an annotation in the shortest form that can be understood."""
    if annotation is inspect.Parameter.empty:
        return ""
    written = inspect.formatannotation(annotation)
    written = re.sub(r"Annotated\[([\w.| ]+), .*\]", r"\1", written, flags=re.DOTALL)
    written = re.sub(r"Optional\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"\1 | None", written)
    written = re.sub(r"Union\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"\1", written)
    return _PATH.sub("", written)


def _split(text: str, names: set[str]) -> tuple[str, dict[str, str]]:
    """Return a docstring's sentences as Markdown, and what it says of each argument."""
    texts: dict[str, str] = {}
    said: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines: list[str] = []
        current: tuple[str, ...] = ()
        for line in paragraph.splitlines():
            for found, piece in _pieces(line, names):
                if found:
                    current = found
                    texts.update(dict.fromkeys(found, piece))
                elif current and (line.startswith(" ") or not _begins(line, texts[current[0]])):
                    for name in current:
                        texts[name] += "\n" + piece
                else:
                    current = ()
                    if re.match(r"Raises? ", piece) and lines:
                        said.append(_sentences(lines))
                        lines = []
                    lines.append(piece)
        said.append(_sentences(lines))
    for name, meaning in texts.items():  # what is raised is no part of an argument's meaning
        texts[name], raises, errors = meaning.partition(" Raises ")
        said.append(_sentences([raises.strip() + " " + errors] if errors else []))
    return "\n\n".join(dict.fromkeys(part for part in said if part)), texts


def _pieces(line: str, names: set[str]) -> list[tuple[tuple[str, ...], str]]:
    """Cut a line before every `name: ` or `name, name: ` of arguments."""
    if not names:
        return [((), line)]
    name = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    heads = list(re.finditer(rf"(?:^|(?<=[.;:] ))((?:{name})(?:, (?:{name}))*):(?: |$)", line))
    if not heads:
        return [((), line)]
    pieces: list[tuple[tuple[str, ...], str]] = []
    if heads[0].start():
        pieces.append(((), line[: heads[0].start()].rstrip()))
    ends = [head.start() for head in heads[1:]] + [len(line)]
    for head, end in zip(heads, ends, strict=True):
        pieces.append((tuple(head[1].split(", ")), line[head.end() : end].rstrip()))
    return pieces


def _begins(line: str, before: str) -> bool:
    """Return whether a line begins a sentence of its own, after what was said of an argument."""
    return before.rstrip().endswith((".", ":")) and line[:1].isupper()


def _sentences(lines: list[str]) -> str:
    """Return lines as a paragraph, or as they stand where they are a table in text."""
    if any(_SPACED.search(line) for line in lines):
        first = next(i for i, line in enumerate(lines) if _SPACED.search(line))
        before = _sentences(lines[:first]) if first else ""
        return f"{before}\n\n```text\n" + "\n".join(lines[first:]) + "\n```"
    return _linked(" ".join(line.strip() for line in lines))


def _linked(text: str) -> str:
    text = re.sub(r"(?<!`)<(?=\w)", "&lt;", text)
    return _PAGE_NAME.sub(lambda found: f"[{found[1]}]({found[1]}.md)", text)


def _inline(text: str) -> str:
    """Return the text of an argument as HTML: code, links to pages, tables as they stand."""
    lines = text.splitlines()
    if any(_SPACED.search(line) for line in lines):
        return f"<pre>{html.escape(textwrap.dedent(chr(10).join(lines)).strip())}</pre>"
    written = html.escape(" ".join(line.strip() for line in lines), quote=False)
    written = re.sub(r"`([^`]+)`", r"<code>\1</code>", written)
    return _PAGE_NAME.sub(lambda found: f'<a href="{found[1]}.html">{found[1]}</a>', written)
