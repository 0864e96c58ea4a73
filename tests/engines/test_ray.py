"""Does work run on the machines of a Ray cluster as it does here, whatever becomes of them?"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from concepts.broken import flip, write_broden
from engines.jobs import CHAINS, Chore, Desk, Office, Recorder, Trace, wait_until
from engines.nodes import remove_another, two_nodes
from prunescope.base.errors import ConfigError, DataError, PrunescopeError
from prunescope.base.progress import SILENT
from prunescope.engines import ray_cluster, ray_worker
from prunescope.engines.engine import Resources
from prunescope.engines.ray import RayEngine
from prunescope.experiment.run import run_study
from prunescope.results.layout import CHECKPOINT
from prunescope.results.run_tables import left_out_of_run

ray = pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
pytestmark = pytest.mark.long

TABLES = ("levels.csv", "units.csv", "classes.csv", "exemplars.csv", "verdict.json")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as (made, _):
        yield made


@pytest.fixture
def engine(cluster: Any) -> RayEngine:
    return RayEngine(2, 2, cluster.address)


def test_jobs_keep_their_order_and_report_to_this_process(
    engine: RayEngine, office: Office, desk: Desk
) -> None:
    recorder = Recorder()
    engine.run(CHAINS, office.perform, desk.finish, desk.fail, recorder)
    for job in CHAINS:
        assert desk.outcomes[job.name].before.issuperset(job.after)
    assert list(desk.outcomes)[-1] == "last"
    assert desk.processes == {os.getpid()}
    assert os.getpid() not in {trace.process for trace in desk.outcomes.values()}
    assert {trace.threads for trace in desk.outcomes.values()} == {engine.threads} == {1}
    assert sorted(recorder.said) == sorted(f"did {job.name}" for job in CHAINS)
    assert recorder.advanced["doing a1, 0 of 2"] == [(2, "note of a1")]
    assert recorder.open == set()


def test_jobs_run_beside_each_other(engine: RayEngine, office: Office, desk: Desk) -> None:
    jobs = [Chore(name="meet-1"), Chore(name="meet-2")]
    engine.run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert len({trace.process for trace in desk.outcomes.values()}) == 2


def test_no_more_jobs_run_beside_each_other_than_there_are_workers(
    cluster: Any, engine: RayEngine, office: Office, desk: Desk
) -> None:
    meeting = [Chore(name="meet-1"), Chore(name="meet-2")]  # so that both nodes have a worker
    engine.run(meeting, office.perform, lambda job, trace: None, desk.fail, SILENT)
    one = RayEngine(1, 4, cluster.address)
    assert (one.workers, one.threads) == (1, 1)  # of two cores, one on each node
    jobs = [Chore(name=f"linger-{number}") for number in range(3)]
    one.run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    done = [len(trace.before & {job.name for job in jobs}) for trace in desk.outcomes.values()]
    assert done == [0, 1, 2]


def test_an_error_stops_what_needs_it_alone(engine: RayEngine, office: Office, desk: Desk) -> None:
    jobs = [Chore(name="fail"), Chore(name="after", after=("fail",)), *CHAINS]
    engine.run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert isinstance(desk.failures["fail"], DataError)
    assert {name: str(error) for name, error in desk.failures.items()} == {
        "fail": "the photograph is torn"
    }
    assert desk.outcomes.keys() == {job.name for job in CHAINS}


def test_ray_hides_no_gpu_from_a_worker_that_may_have_computed_on_it(
    engine: RayEngine, office: Office, desk: Desk
) -> None:
    assert engine.gpus == 2
    on_gpu = Resources(gpus=1)
    jobs = [Chore(name=f"meet-{number}", resources=on_gpu) for number in range(2)]
    engine.run(jobs, office.perform, desk.finish, desk.fail, SILENT)
    assert [trace.gpus for trace in desk.outcomes.values()] == ["", ""]


def test_a_job_that_loses_every_worker_fails_at_last(
    engine: RayEngine, office: Office, desk: Desk
) -> None:
    recorder, jobs = Recorder(), [Chore(name="die"), Chore(name="a")]
    engine.run(jobs, office.perform, desk.finish, desk.fail, recorder)
    assert list(desk.outcomes) == ["a"]
    assert isinstance(desk.failures["die"], PrunescopeError)
    assert "lost 4 workers" in str(desk.failures["die"])
    assert [said for said in recorder.said if "its worker was lost" in said] == [
        "die: its worker was lost (WorkerCrashedError); it goes on with another"
    ] * 3
    assert recorder.open == set()


def test_lost_reports_cost_no_work(
    engine: RayEngine, office: Office, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    offices: list[Any] = []
    opened = ray_worker.post_office
    monkeypatch.setattr(
        ray_worker, "post_office", lambda module: offices.append(opened(module)) or offices[-1]
    )

    def finish(job: Chore, trace: Trace) -> None:
        desk.finish(job, trace)
        if len(offices) == 1:
            ray.kill(offices[0])

    recorder, jobs = Recorder(), [Chore(name="a"), Chore(name="b", after=("a",))]
    engine.run(jobs, office.perform, finish, desk.fail, recorder)
    assert desk.outcomes.keys() == {"a", "b"}
    assert "the reports of running jobs were lost; their work is not" in recorder.said


def test_a_process_that_joined_one_cluster_does_not_take_another(
    engine: RayEngine, cluster: Any
) -> None:
    port = cluster.address.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost"):  # of which Ray makes the node's own number
        assert RayEngine(1, 1, f"{name}:{port}").threads == 1
    for other in ("127.0.0.1:1", f"192.0.2.77:{port}", f"nowhere.invalid:{port}", f"..:{port}"):
        with pytest.raises(ConfigError, match=rf"has joined the Ray cluster at .*, not {other}"):
            RayEngine(1, 1, other)


def test_what_finishing_raises_ends_what_runs(engine: RayEngine, office: Office) -> None:
    def fail(job: Chore, error: Exception) -> None:
        raise error

    jobs = [Chore(name="wait"), Chore(name="fail-1")]
    with pytest.raises(DataError, match="the photograph is torn"):
        engine.run(jobs, office.perform, lambda job, trace: None, fail, SILENT)


def test_a_study_has_the_bytes_of_this_machine_alone(
    cluster: Any, tiny_study: Any, tmp_path: Path
) -> None:
    recipe = tiny_study(replicates=2)
    run_study(recipe, tmp_path / "ray", engine="ray", address=cluster.address, workers=2)
    run_study(recipe, tmp_path / "local", workers=2)
    compared = same_bytes(tmp_path / "ray", tmp_path / "local")
    assert sum(path.suffix == ".safetensors" for path in compared) >= 2 * (4 + 2)
    assert {path.name for path in compared} >= set(TABLES)


@pytest.mark.slow
def test_all_machines_leave_the_same_broken_images_out(
    cluster: Any, tiny_study: Any, tmp_path: Path
) -> None:
    flip(write_broden(tmp_path / "set") / "images/maps/007_object.png")
    recipe = tiny_study(
        replicates=2,
        concepts={"source": f"broden:{tmp_path / 'set'}"},
        dissection={"layers": ["layer3"], "quantile": 0.02, "null": 2, "skip_broken": True},
    )
    run_study(recipe, tmp_path / "ray", engine="ray", address=cluster.address, workers=2)
    run_study(recipe, tmp_path / "local", workers=1)
    same_bytes(tmp_path / "ray", tmp_path / "local")
    assert [each["image"] for each in left_out_of_run(tmp_path / "ray")] == ["007.jpg"]


def test_a_node_killed_in_the_middle_costs_time_alone(tiny_study: Any, tmp_path: Path) -> None:
    recipe, out = tiny_study(replicates=2), tmp_path / "ray"
    with two_nodes() as (cluster, nodes):
        killer = Thread(target=_kill_in_training, args=(cluster, nodes, out))
        killer.start()
        said = Recorder()
        run_study(recipe, out, engine="ray", address=cluster.address, workers=2, progress=said)
        killer.join()
    assert any("its worker was lost" in text for text in said.said)
    run_study(recipe, tmp_path / "local", workers=2)
    same_bytes(out, tmp_path / "local")


def _kill_in_training(cluster: Any, nodes: list[Any], out: Path) -> None:
    """Kill a node while both work, at a training that has a checkpoint."""

    def all_work() -> bool:
        return ray.is_initialized() and not ray.available_resources().get("CPU")

    wait_until(lambda: any(out.rglob(CHECKPOINT)) and all_work())
    remove_another(cluster, nodes)


def same_bytes(a: Path, b: Path) -> list[Path]:
    """Return the weights, masks and tables of a run, which another must have byte for byte."""
    named = [
        path.relative_to(a)
        for path in sorted(a.rglob("*"))
        if path.name in (*TABLES, "weights.safetensors", "mask.safetensors", "units.parquet")
    ]
    assert [path for path in named if (a / path).read_bytes() != (b / path).read_bytes()] == []
    return named


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "nobody answers at 127.0.0.1:1"),
        ("nowhere", 'the address is "nowhere": give HOST:PORT'),
        ("127.0.0.1:port", "give HOST:PORT"),
        ("127.0.0.1:123456", "nobody answers at 127.0.0.1:123456"),
        (f"{'a' * 70}:6379", "nobody answers at aaa.*label too long"),
    ],
)
def test_an_address_without_a_cluster_is_refused_at_once(address: str, words: str) -> None:
    ray.shutdown()
    with pytest.raises(ConfigError, match=words):
        RayEngine(1, 1, address)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "nobody answers at {}"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers at {} is no head of a Ray cluster"),
    ],
)
def test_what_listens_but_is_no_cluster_is_refused(
    answer: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray.shutdown()
    monkeypatch.setattr(ray_cluster, "_ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:

        def serve() -> None:
            stack.enter_context(server.accept()[0]).sendall(answer)

        serving = Thread(target=serve)
        serving.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigError, match=words.format(address)):
            RayEngine(1, 1, address)
        serving.join()
