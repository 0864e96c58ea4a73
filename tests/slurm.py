"""What is a real SLURM that tests can afford? A controller and one node, in a folder of theirs."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DAEMONS = ("slurmctld", "slurmd")
MISSING = [
    name for name in (*DAEMONS, "sbatch") if not shutil.which(name, path=f"{os.defpath}:/usr/sbin")
]
PATIENCE = 300.0
"""Seconds to wait for anything, on a busy machine."""

_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm(folder: Path) -> Iterator[Callable[[str], str]]:
    """Start SLURM in a new folder; give a function that runs lines of bash where it is reached.

    That function returns what a line printed, and fails where it ended with another status than 0.
    In its PATH are `prunescope` and `torchrun` of this Python.
    """
    for name in ("state", "spool", "jobs"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().partition(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, host=host, user=getpass.getuser(), ports=_free_ports())
    )
    environment = environment_with(folder / "bin") | {"SLURM_CONF": str(configuration)}
    environment["PATH"] += ":/usr/sbin"

    def bash(line: str) -> str:
        ended = subprocess.run(
            ["bash", "-euc", line], cwd=folder / "jobs", env=environment,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    daemons = []
    try:
        for name in DAEMONS:
            with (folder / f"{name}.log").open("w") as log:
                command = [name, "-D", "-f", str(configuration)]
                daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_until(lambda: "idle" in bash("sinfo --noheader --format=%T || true"))
        yield bash
        bash("scancel --user=$(id -un)")
        wait_until(lambda: not bash("squeue --noheader"))
    finally:
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            daemon.wait(timeout=PATIENCE)


def environment_with(programs: Path) -> dict[str, str]:
    """Return an environment in which `prunescope` and `torchrun` are those of this Python."""
    programs.mkdir(parents=True)
    for name, module in (("prunescope", "prunescope"), ("torchrun", "torch.distributed.run")):
        write_program(programs / name, f'exec "{sys.executable}" -m {module} "$@"')
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
    }


def write_program(path: Path, line: str) -> None:
    """Write a program of one line of shell."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def wait_until(happened: Callable[[], bool]) -> None:
    """Return when something has happened; fail if that takes longer than PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _free_ports() -> list[int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (first, second)]
