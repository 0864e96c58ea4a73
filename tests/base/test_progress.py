"""Is the user told how far the work is and how long it takes, on a terminal and in a log?"""

import io
from types import SimpleNamespace

import pytest

from prunescope.base import progress as module
from prunescope.base.progress import (
    SILENT,
    BarProgress,
    LineProgress,
    Progress,
    duration,
    progress_on,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still unless its `now` is set."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_line_tells_the_share_the_time_left_and_the_note(clock):
    stream = io.StringIO()
    with LineProgress(stream).task("training", 400) as task:
        clock.now += 20
        task.advance(100, "loss 1.5")
        clock.now += 80
        task.advance(100)
    assert stream.getvalue().splitlines() == [
        "training · 25 % · 1 min 0 s left · loss 1.5",
        "training · 50 % · 1 min 40 s left",
    ]


def test_lines_are_seconds_apart_and_none_is_written_of_quick_work(clock):
    stream = io.StringIO()
    with LineProgress(stream).task("training", 100) as task:
        for _ in range(40):
            clock.now += 1
            task.advance()
    assert len(stream.getvalue().splitlines()) == 2
    with LineProgress(stream).task("quick", 100) as task:
        task.advance(100)
    assert "quick" not in stream.getvalue()


@pytest.mark.parametrize(("total", "steps"), [(0, [0]), (5, [0, 0]), (5, [7]), (0, [3])])
def test_no_work_empty_steps_and_too_much_work_say_nothing_wrong(clock, total, steps):
    stream = io.StringIO()
    with LineProgress(stream).task("odd", total) as task:
        for step in steps:
            clock.now += 60
            task.advance(step)
    assert stream.getvalue() == ""


def test_work_done_before_counts_for_the_share_and_not_for_the_speed(clock):
    stream = io.StringIO()
    progress = LineProgress(stream).titled("level 1")
    with progress.task("training", 100, done=28) as task:
        clock.now += 20
        task.advance(2)
    assert stream.getvalue() == "level 1: training · 30 % · 11 min 40 s left\n"


def test_nothing_is_known_of_the_speed_before_anything_new_is_done(clock):
    stream = io.StringIO()
    with LineProgress(stream).task("training", 100, done=28) as task:
        clock.now += 20
        task.advance(0)
    assert stream.getvalue() == ""


def test_a_bar_of_work_done_before_begins_there(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with progress_on(Terminal()) as progress, progress.task("training", 100, done=28) as task:
        task.advance(2)
        (bar,) = progress._bars.tasks
        assert bar.completed == 30
        assert sum(sample.completed for sample in bar._progress) == 2


def test_messages_and_titles_are_plain_lines():
    stream = io.StringIO()
    progress = LineProgress(stream)
    progress.say("the bits may [differ]")
    progress.titled("level 1").say("done")
    assert stream.getvalue() == "the bits may [differ]\nlevel 1: done\n"


def test_a_title_stands_before_every_task(clock):
    stream = io.StringIO()
    with LineProgress(stream).titled("replicate 0").titled("level 1").task("training", 2) as task:
        clock.now += 30
        task.advance()
    assert stream.getvalue() == "replicate 0: level 1: training · 50 % · 30 s left\n"


def test_the_silent_one_says_nothing(capsys):
    with SILENT.titled("a").task("b", 3) as task:
        task.advance(1, "note")
    SILENT.say("c")
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_lines_and_a_terminal_bars(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with progress_on(io.StringIO()) as progress:
        assert isinstance(progress, LineProgress)
    with progress_on(Terminal()) as progress:
        assert isinstance(progress, BarProgress)


def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with progress_on(Terminal()) as progress:
        assert isinstance(progress, LineProgress)


def test_a_bar_shows_its_name_its_count_and_its_note_as_they_are(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    with progress_on(stream) as progress, progress.task("layer [dim]", 8) as task:
        task.advance(3, "unit [bold]")
        progress._bars.refresh()
    assert "layer [dim]" in stream.getvalue()
    assert "3/8" in stream.getvalue()
    assert "unit [bold]" in stream.getvalue()


def test_bars_leave_when_their_work_is_over_or_failed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with progress_on(Terminal()) as progress:
        with progress.task("a", 1):
            assert len(progress._bars.tasks) == 1
        with pytest.raises(KeyError), progress.task("b", 1):
            raise KeyError
        assert progress._bars.tasks == []


def test_a_message_beside_bars_is_neither_broken_nor_taken_for_markup(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream, message = Terminal(), "[red] saved in " + "/a/long/path" * 10
    with progress_on(stream) as progress:
        progress.say(message)
    assert message in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (100 * 3600, "100 h 0 min"),
    ],
)
def test_a_time_is_written_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def test_of_ten_thousand_messages_ten_are_told() -> None:
    told: list[str] = []

    class Told(Progress):
        def say(self, message: str) -> None:
            told.append(message)

    Told().say_first(f"file {number} is damaged" for number in range(10_000))
    assert told[:10] == [f"file {number} is damaged" for number in range(10)]
    assert told[10:] == ["... and 9,990 more"]
    told.clear()
    Told().say_first(["one"])
    assert told == ["one"]
