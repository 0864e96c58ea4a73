"""Is every bad input refused in clear words, with status 2, and nothing left behind?"""

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from cli import (
    bad_chance,
    bad_concepts,
    bad_door,
    bad_evaluations,
    bad_hub,
    bad_inputs,
    bad_memory,
    bad_networks,
    bad_pictures,
    bad_reading,
    bad_results,
    bad_studies,
    bad_trust,
    bad_words,
)
from cli.world import Bad, everything_in, nothing
from commands import Prunescope, every_command

TABLES = (
    bad_studies.STUDIES,
    bad_networks.NETWORKS,
    bad_networks.PRUNING,
    bad_concepts.DISSECTION,
    bad_concepts.WORDS,
    bad_concepts.BRODEN,
    bad_concepts.OWN_MASKS,
    bad_concepts.COCO,
    bad_concepts.VOC,
    bad_concepts.STREETS,
    bad_concepts.JOINED,
    bad_concepts.CONVERSIONS,
    bad_concepts.SEGMENTATIONS,
    bad_concepts.DOWNLOADS,
    bad_results.RESULTS,
    bad_results.CONVENTIONS,
    bad_results.EXPORT,
    bad_chance.CHANCE,
    bad_evaluations.EVALUATIONS,
    bad_evaluations.ABLATIONS,
    bad_reading.READING,
    bad_trust.TRUST,
    bad_trust.STRATEGIES,
    bad_pictures.CHANNELS,
    bad_pictures.CLASSES,
    bad_inputs.BAD_INPUTS,
    bad_pictures.PICTURES,
    bad_memory.MEMORY,
    bad_door.DOOR,
    bad_hub.SHARING,
    bad_words.PATHS,
    bad_words.RECIPES,
)
TABLE: dict[str, Bad] = {
    f"{row.command.split()[0]}: {name}": row for table in TABLES for name, row in table.items()
}


@pytest.fixture
def here(
    request: pytest.FixtureRequest,
    world: Path,
    own_world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The folder that a row runs in: one of its own if the row spoils it."""
    spoil = TABLE[request.node.callspec.params["name"]].spoil
    root = own_world if spoil is nothing else Path(shutil.copytree(world, tmp_path / "world"))
    monkeypatch.chdir(root)
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(root))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "factories", raising=False)
    spoil()
    return root


@pytest.mark.parametrize("name", TABLE)
def test_a_bad_input_is_refused_in_clear_words_and_leaves_nothing_behind(
    prunescope: Prunescope, here: Path, name: str
) -> None:
    before = everything_in(here)
    ended = prunescope(*shlex.split(TABLE[name].command))
    told = ended.out + ended.err
    assert ended.status == 2, told
    assert "Traceback" not in told
    for words in TABLE[name].said:
        assert words in told
    assert everything_in(here) == before


def test_the_table_has_a_bad_input_for_every_command() -> None:
    lines = [f"{row.command} " for row in TABLE.values()]
    commands = [name for name, _ in every_command()]
    lacking = [name for name in commands if not any(line.startswith(f"{name} ") for line in lines)]
    assert not lacking
    assert len(TABLE) == sum(map(len, TABLES))  # so no row hides another of its name
    assert len(TABLE) >= 60
