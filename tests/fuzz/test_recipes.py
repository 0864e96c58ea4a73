"""Is a recipe, whatever is in the file, the study that it states or an error?"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from fuzz.trying import HOSTILE_TEXTS, made_of, mutated, texts, tried, try_each
from prunescope.base.recipes import plain_values
from prunescope.recipe import Recipe, load_recipe
from runs import tiny_recipe

_TOKENS = (
    *(b"\n", b": ", b"- ", b"  ", b"\t", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"<<: *a", b"!!"),
    *(b"!!python/object:os.system ", b"!!set ", b"!!binary ", b"%YAML 9.9\n", b"---\n", b"...\n"),
    *(b"'", b'"', b"|\n", b">\n", b"#", b"? ", b"~", b"null", b"yes", b"1e999", b".nan", b".inf"),
    *(b"1:30", b"2024-01-01", b"0o17", b"0x1F", b"1_000", b"\xff", b"\xef\xbb\xbf", b"\0"),
    *(b"9" * 300, b"\xc2\x85", b"\xe2\x80\xa8", b"skip_broken: true", b"levels: 99999999999"),
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), texts()),
    st.sampled_from([0, 1, -1, 10**30, 1e-300, [], {}, [[]], {"": {}}, "1ep", "-1ep", "1ep1it"]),
)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tiny_recipe(Path("pictures"))


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in nested mappings and lists."""
    parts: Any = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    return [path, *(each for key, part in parts for each in paths_in(part, (*path, key)))]


def with_value(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """Return nested values with one replaced."""
    if not path:
        return other
    parts = dict(value) if isinstance(value, dict) else list(value)
    parts[path[0]] = with_value(parts[path[0]], path[1:], other)
    return parts


def check_recipe(path: Path) -> None:
    """A recipe that is taken says the same when it is written and read again."""
    recipe = made_of(lambda: load_recipe(path))
    if recipe is not None:
        path.write_text(recipe.to_yaml(), encoding="utf-8")
        assert load_recipe(path) == recipe
        assert recipe.level_count > 0
        assert recipe.facts


@tried
def test_any_text_is_a_study_or_refused(
    values: dict[str, Any], tmp_path: Path, examples: int
) -> None:
    path = tmp_path / "recipe.yaml"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        check_recipe(path)

    whole = yaml.safe_dump(values).encode()
    try_each(examples, mutated(whole, _TOKENS), check)


@tried
def test_any_value_of_a_setting_is_taken_or_refused_by_its_name(
    values: dict[str, Any], tmp_path: Path, examples: int
) -> None:
    path = tmp_path / "recipe.yaml"
    everything = Recipe.validate_from(values, "the test").model_dump(mode="json")
    places = st.sampled_from(paths_in(values) + paths_in(everything))

    def check(drawn: tuple[tuple[Any, ...], Any]) -> None:
        place, value = drawn
        try:
            changed = with_value(values, place, value)
        except (KeyError, IndexError, TypeError):  # a setting that the small recipe leaves out
            changed = with_value(everything, place, value)
        path.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
        check_recipe(path)

    try_each(examples, st.tuples(places, _VALUES), check)


@tried
def test_any_yaml_gives_plain_values_or_a_line(examples: int) -> None:
    pieces = st.sampled_from([token.decode("utf-8", "replace") for token in _TOKENS])
    lines = st.lists(pieces | st.sampled_from(HOSTILE_TEXTS) | texts(), max_size=30).map("".join)

    def check(text: str) -> None:
        found = made_of(lambda: plain_values(text, "the text"))
        assert is_plain(found)

    try_each(examples, lines, check, failed=["&a [*a]", "a: &a {b: *a}", "<<: [1]", "? [a]\n: b"])


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(part) for key, part in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)
