"""Does a tracker show the history of a training, also of one that was stopped?"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.training import tracking
from prunescope.training.loop import train
from prunescope.training.tracking import check_tracker, tracked

COLUMNS = {
    "train/loss": "train_loss",
    "train/accuracy": "train_accuracy",
    "test/accuracy": "test_accuracy",
    "learning_rate": "learning_rate",
}


@pytest.fixture
def run(images, normalisation, make_settings):
    def run(network, log, **options):
        settings = make_settings(milestones=("1ep",), evaluate_every="2ep")
        return train(
            network, images, settings=settings, normalisation=normalisation, seeds=Seeds.equal(5),
            start=Step(0, 3), end=Step(8, 3), test=lambda network: 0.25, log=log, **options,
        )  # fmt: skip

    return run


def scalars_in(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read what TensorBoard itself reads."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed (pip install 'prunescope[tensorboard]')",
    )
    events: Any = accumulator.EventAccumulator(str(folder)).Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def shown(history: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """Return a history as a tracker shows it."""
    return {
        name: [
            (int(row.iteration), pytest.approx(getattr(row, column), rel=1e-6))
            for row in history.itertuples()
            if not math.isnan(getattr(row, column))
        ]
        for name, column in COLUMNS.items()
    }


def test_tensorboard_shows_every_row_of_the_history(run, make_network, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    with tracked("tensorboard", tmp_path, study="s", training="replicate-0/rewind") as log:
        history = run(make_network(), log)
    assert scalars_in(tmp_path / "replicate-0" / "rewind") == shown(history)
    assert history.test_accuracy.count() == 2


def test_a_training_that_was_stopped_is_shown_once_from_its_beginning(run, make_network, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    calls: Iterator[int] = iter(range(7))
    options = {"checkpoint": tmp_path / "checkpoint", "checkpoint_minutes": 0.0}

    def stop(optimizer):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    def show(**more):
        with tracked("tensorboard", tmp_path, study="s", training="t") as log:
            return run(make_network(), log, **options, **more)

    with pytest.raises(KeyboardInterrupt):
        show(after_step=stop)
    assert len(list((tmp_path / "t").iterdir())) == 1
    history = show()
    assert len(list((tmp_path / "t").iterdir())) == 1
    assert scalars_in(tmp_path / "t") == shown(history)


def test_a_tracker_changes_no_bit(run, make_network, same_bits, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    watched, alone = make_network(), make_network()
    with tracked("tensorboard", tmp_path, study="s", training="t") as log:
        run(watched, log)
    run(alone, None)
    assert same_bits(watched, alone)


def test_without_a_tracker_nothing_is_written(tmp_path):
    with tracked(None, tmp_path, study="s", training="t") as log:
        assert log is None
    assert not list(tmp_path.iterdir())


def test_a_tracker_that_is_not_installed_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=r"pip install 'prunescope\[tensorboard\]'"):
        check_tracker("tensorboard")


@pytest.fixture
def trackio(tmp_path, monkeypatch):
    """Trackio with a store of its own."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "store"))
    found = pytest.importorskip(
        "trackio", reason="trackio is not installed (pip install 'prunescope[trackio]')"
    )
    from trackio import sqlite_storage, utils

    for module in (utils, sqlite_storage):
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path / "store")
    return found


def test_trackio_shows_every_row_of_the_history(run, make_network, tmp_path, trackio, capsys):
    from trackio.sqlite_storage import SQLiteStorage

    with tracked("trackio", tmp_path, study="my study", training="replicate-0/rewind") as log:
        history = run(make_network(), log)
    assert capsys.readouterr().out == ""
    (found,) = trackio.Api().runs("my study")
    assert found.name == "replicate-0/rewind"
    assert found.config["folder"] == str(tmp_path.parent)
    rows = SQLiteStorage.get_logs("my study", found.name)
    for name, values in shown(history).items():
        assert [(row["step"], row[name]) for row in rows if name in row] == values


def test_trackio_keeps_the_run_of_a_training_that_is_shown_again(tmp_path, trackio):
    for _ in range(2):
        with tracked("trackio", tmp_path, study="s", training="t") as log:
            assert log is not None
            log({"iteration": 3, **dict.fromkeys(COLUMNS.values(), 0.5)})
    assert [run.name for run in trackio.Api().runs("s")] == ["t", "t"]


def test_a_name_that_trackio_keeps_for_itself_is_refused(tmp_path, trackio):
    with (
        pytest.raises(ConfigError, match='no study of the name "registry-x": give it another'),
        tracked("trackio", tmp_path, study="registry-x", training="t"),
    ):
        pass
