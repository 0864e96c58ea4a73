"""Does what other processes report arrive, whole, and does nobody wait for a dead one?"""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from base import children
from prunescope.base.progress import Progress, Task
from prunescope.base.relay import relaying

SPAWN = multiprocessing.get_context("spawn")


class Recorder(Progress):
    """Remembers what was reported, and which tasks are open."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.advanced: dict[str, list[tuple[int, str]]] = {}
        self.done: list[int] = []
        self.open: set[str] = set()

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        self.done.append(done)
        advanced = self.advanced.setdefault(f"{description} of {total}", [])

        class Recording(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                advanced.append((count, note))

        self.open.add(description)
        yield Recording()
        self.open.remove(description)

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_processes_side_by_side_are_heard_each_in_its_order(recorder: Recorder):
    with relaying(recorder, SPAWN) as remote:
        processes = [SPAWN.Process(target=children.report, args=(remote, name)) for name in "ab"]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    notes = [(1, "note 0"), (1, "note 1"), (1, "note 2")]
    assert recorder.advanced == {"a: counting of 3": notes, "b: counting of 3": notes}
    assert sorted(recorder.said) == ["a begins", "b begins", *["x" * 100_000] * 2]
    assert recorder.open == set()


def test_work_done_before_is_told(recorder: Recorder):
    with relaying(recorder, SPAWN) as remote, remote.task("counting", 3, done=2) as task:
        task.advance()
    assert recorder.done == [2]
    assert recorder.advanced == {"counting of 3": [(1, "")]}


def test_a_process_killed_in_a_task_is_not_waited_for(recorder: Recorder):
    with relaying(recorder, SPAWN) as remote:
        process = SPAWN.Process(target=children.report_and_die, args=(remote,))
        process.start()
        process.join()
    assert recorder.advanced == {"counting of 3": [(1, "")]}
    assert recorder.open == set()


def test_an_error_in_the_block_ends_the_listening_and_is_raised(recorder: Recorder):
    def fail() -> None:
        with relaying(recorder, SPAWN) as remote:
            remote.say("so far")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert recorder.said == ["so far"]
