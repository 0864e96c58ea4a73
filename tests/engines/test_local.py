"""Is work performed in order, beside each other, and does nothing outlive a failure?"""

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from engines import jobs as chores
from engines.jobs import CHAINS, Chore, Desk, Office, Recorder, wait_until
from prunescope.base.errors import ConfigError, DataError, PrunescopeError
from prunescope.base.progress import SILENT, LineProgress
from prunescope.engines.local import LocalEngine


def is_alive(process: int) -> bool:
    """Say whether a process runs; a dead one that nobody has asked about does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.long
def test_two_workers_keep_the_order_and_report_to_this_process(office: Office, desk: Desk):
    stream = io.StringIO()
    LocalEngine(2).run(CHAINS, office.perform, desk.finish, desk.fail, LineProgress(stream))
    for job in CHAINS:
        assert desk.outcomes[job.name].before.issuperset(job.after)
    assert list(desk.outcomes)[-1] == "last"
    assert desk.processes == {os.getpid()}
    performers = {trace.process for trace in desk.outcomes.values()}
    assert os.getpid() not in performers
    assert not any(is_alive(process) for process in performers)
    assert {trace.threads for trace in desk.outcomes.values()} == {LocalEngine(2).threads}
    assert sorted(stream.getvalue().split("\n")) == ["", *sorted(f"did {w.name}" for w in CHAINS)]


@pytest.mark.long
def test_workers_side_by_side_are_heard_each_in_its_order(office: Office, desk: Desk):
    recorder, jobs = Recorder(), [Chore(name="report-a"), Chore(name="report-b")]
    LocalEngine(2).run(jobs, office.perform, desk.finish, desk.fail, recorder)
    for name in ("report-a", "report-b"):
        notes = recorder.advanced[f"{name}: counting, 1 of 3"]
        assert notes == [(1, "note 1"), (1, "note 2")]
    assert sorted(recorder.said) == ["did report-a", "did report-b", *["x" * 100_000] * 2]
    assert recorder.open == set()


@pytest.mark.long
def test_what_a_killed_worker_counted_is_closed_before_its_work_fails(office: Office):
    recorder, failures = Recorder(), []

    def fail(job: Chore, error: Exception) -> None:
        failures.append((job.name, set(recorder.open)))

    LocalEngine(2).run([Chore(name="die")], office.perform, lambda *_: None, fail, recorder)
    assert failures == [("die", set())]
    assert recorder.advanced["counting, 0 of 3"] == [(1, "")]


@pytest.fixture
def stranger() -> Iterator[BaseProcess]:
    """A child of this process that no engine started."""
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(chores.WAIT,))
    process.start()
    yield process
    process.kill()
    process.join()


@pytest.mark.long
def test_an_error_in_one_work_stops_what_needs_it_alone(
    office: Office, desk: Desk, stranger: BaseProcess
):
    jobs = [
        Chore(name="fail"),
        Chore(name="after", after=("fail",)),
        Chore(name="long after", after=("after",)),
        *CHAINS,
    ]
    LocalEngine(2).run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert {name: str(error) for name, error in desk.failures.items()} == {
        "fail": "the photograph is torn"
    }
    assert isinstance(desk.failures["fail"], DataError)
    assert set(desk.outcomes) == {job.name for job in CHAINS}
    assert desk.processes == {os.getpid()}
    assert multiprocessing.active_children() == [stranger]


@pytest.mark.long
def test_what_finishing_raises_ends_the_workers(office: Office, stranger: BaseProcess):
    def fail(job: Chore, error: Exception) -> None:
        raise error

    jobs = [Chore(name="wait"), Chore(name="fail-1")]
    with pytest.raises(DataError, match="the photograph is torn"):
        LocalEngine(2).run(jobs, office.perform, lambda job, trace: None, fail, SILENT)
    assert len(office.waiting()) == 1
    assert not any(is_alive(process) for process in office.waiting())
    assert multiprocessing.active_children() == [stranger]


@pytest.mark.long
def test_a_worker_that_is_killed_loses_its_work_and_is_replaced(office: Office, desk: Desk):
    jobs = [
        Chore(name="die"),
        Chore(name="after", after=("die",)),
        Chore(name="a"),
        Chore(name="b", after=("a",)),
        Chore(name="c", after=("b",)),
    ]
    LocalEngine(2).run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert set(desk.outcomes) == {"a", "b", "c"}
    assert list(desk.failures) == ["die"]
    assert isinstance(desk.failures["die"], PrunescopeError)
    assert "died before its work was done" in str(desk.failures["die"])
    assert "fewer workers" in str(desk.failures["die"])


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_no_worker_outlives_a_killed_parent(office: Office):
    command = [sys.executable, chores.__file__, str(office.folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as parent:
        wait_until(lambda: len(office.waiting()) == 2)
        assert all(is_alive(process) for process in office.waiting())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not any(is_alive(process) for process in office.waiting()))


def test_one_worker_is_this_process_in_the_order_given(office: Office, desk: Desk):
    LocalEngine(1).run(CHAINS, office.perform, desk.finish, desk.fail, SILENT)
    assert list(desk.outcomes) == ["a1", "b1", "a2", "b2", "last"]
    assert {trace.process for trace in desk.outcomes.values()} == {os.getpid()}
    assert LocalEngine(1).threads == torch.get_num_threads()


def test_one_worker_goes_on_with_what_needs_no_failed_work(office: Office, desk: Desk):
    jobs = [
        Chore(name="a"),
        Chore(name="fail"),
        Chore(name="b", after=("fail",)),
        Chore(name="c", after=("a",)),
    ]
    LocalEngine(1).run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert list(desk.outcomes) == ["a", "c"]
    assert list(desk.failures) == ["fail"]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "jobs",
    [
        [Chore(name="a", after=("b",)), Chore(name="b", after=("a",))],
        [Chore(name="a", after=("nobody",))],
    ],
)
def test_jobs_that_could_never_begin_are_refused(workers, jobs, office: Office, desk: Desk):
    with pytest.raises(ValueError, match="no order satisfies a"):
        LocalEngine(workers).run(jobs, office.perform, desk.finish, desk.fail, SILENT)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_work_is_no_work(workers, office: Office, desk: Desk):
    LocalEngine(workers).run([], office.perform, desk.finish, desk.fail, SILENT)
    assert desk.outcomes == {}


def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prunescope.engines.local.usable_cores", lambda: 8)
    assert [LocalEngine(workers).threads for workers in (2, 3, 16)] == [4, 2, 1]


@pytest.mark.long
def test_each_worker_sees_one_of_several_gpus(
    office: Office, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prunescope.engines.local.gpu_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    jobs = [Chore(name="meet-1"), Chore(name="meet-2")]
    LocalEngine(2).run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert sorted(trace.gpus for trace in desk.outcomes.values()) == ["4", "7"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,7"


def test_less_than_one_worker_is_refused():
    with pytest.raises(ConfigError, match="the number of workers is 0, but must be at least 1"):
        LocalEngine(0)
