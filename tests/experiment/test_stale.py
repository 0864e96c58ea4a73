"""Is it said what of a run an earlier version made, and what makes it anew?"""

from pathlib import Path

import pytest

from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.run import report_again
from prunescope.experiment.stages.scores import ScoresStage
from prunescope.experiment.status import status


class Listening(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def upgraded(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run whose scores another version made."""
    monkeypatch.setattr(ScoresStage, "version", ScoresStage.version + 1)
    return run


def test_a_report_says_what_is_stale_and_which_command_makes_it_anew(upgraded: Path) -> None:
    page = upgraded / "report" / "index.html"
    before = page.read_bytes()
    with pytest.raises(ConfigError) as refused:
        report_again(upgraded)
    said = str(refused.value)
    assert "scoring replicate 0, level 0 and 5 more stages" in said
    assert "made by an earlier version" in said
    again = f"`prunescope run {upgraded}/study.yaml --out {upgraded}` makes them anew"
    assert f"{again}, and trains nothing" in said
    assert page.read_bytes() == before


def test_status_names_what_is_stale_and_does_not_say_to_remove_it(upgraded: Path) -> None:
    found = status(upgraded)
    assert len(found.stale) == 6
    assert set(found.stale) <= set(found.to_do)
    assert found.outdated == ()
    assert "made by an earlier version or under other settings" in str(found)


def test_what_is_whole_is_not_stale(run: Path) -> None:
    said = Listening()
    report_again(run, progress=said)
    assert status(run).stale == ()
    assert not any("earlier version" in message for message in said.said)


def test_stale_levels_are_trained_again_which_is_said(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LevelStage, "version", LevelStage.version + 1)
    with pytest.raises(ConfigError) as refused:
        report_again(run)
    assert "trains nothing" not in str(refused.value)
