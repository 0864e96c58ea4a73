"""Do the commands and the scripts of the page on clusters run as they are written there?"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prunescope.experiment.status import status
from prunescope.recipe import Recipe
from prunescope.results.layout import PAGE, REPORT
from runs import contents
from slurm import MISSING, environment_with, slurm, wait_until, write_program

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = ["array.sbatch", "torchrun.sbatch"]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
TinyStudy = Callable[..., Recipe]
Bash = Callable[[str], str]

needs_slurm = pytest.mark.skipif(
    bool(MISSING), reason=f"there is no {' and no '.join(MISSING)} (Debian: slurm-wlm)"
)


def commands(script: str) -> str:
    """Return the one block of the page that submits a script."""
    page = (DOCS / "clusters.md").read_text(encoding="utf-8")
    [block] = [block for block in BLOCK.findall(page) if script in block]
    return block


def copy_scripts(folder: Path, recipe: Recipe) -> None:
    for name in SCRIPTS:
        shutil.copy(DOCS / "cluster" / name, folder)
    (folder / "recipe.yaml").write_text(recipe.to_yaml())


@pytest.fixture
def node(tmp_path: Path, tiny_study: TinyStudy) -> dict[str, str]:
    """A folder with scripts and recipe, and what SLURM states on a node: here, this process."""
    copy_scripts(tmp_path, tiny_study())
    environment = environment_with(tmp_path / "bin")
    write_program(
        tmp_path / "bin" / "srun", 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"'
    )
    write_program(tmp_path / "bin" / "scontrol", "echo localhost")
    return environment | {
        **{"SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", "SLURM_CPUS_PER_TASK": "2"},
        **{"SLURM_JOB_NODELIST": "localhost", "SLURM_JOB_NUM_NODES": "1"},
    }


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [(["--dry-run"], 0, "to do"), (["--only", "replicate=7"], 2, "no such replicate")],
)
def test_the_arguments_of_a_script_reach_the_command_line(
    node: dict[str, str], tmp_path: Path, script: str, options: list[str], code: int, words: str
) -> None:
    ended = subprocess.run(
        ["bash", script, "recipe.yaml", "runs/mine", *options], cwd=tmp_path, env=node,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert words in ended.stdout + ended.stderr
    assert ended.returncode == (1 if code and script == "torchrun.sbatch" else code)
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tiny_study: TinyStudy) -> Iterator[Bash]:
    """Return what runs a line of bash in a folder of a real SLURM with scripts and recipe."""
    folder = tmp_path_factory.mktemp("slurm") / "one"
    with slurm(folder) as bash:
        copy_scripts(folder / "jobs", tiny_study())
        yield bash


def queue(bash: Bash) -> str:
    return bash("squeue --noheader --format='%i %T %r'")


@needs_slurm
@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS)
def test_slurm_accepts_a_script(cluster: Bash, script: str) -> None:
    cluster(f"sbatch --test-only --array=0-1 {script} recipe.yaml runs/tested")


@needs_slurm
@pytest.mark.slow
def test_an_array_of_tasks_makes_the_whole_study_to_the_byte(cluster: Bash, finished: Path) -> None:
    cluster(commands("array.sbatch"))
    wait_until(lambda: not queue(cluster))
    whole = Path(cluster("pwd").strip()) / "runs" / "mine" / "whole"
    assert whole.is_dir(), cluster("cat *.log *.out")
    assert contents(whole) == contents(finished)


@needs_slurm
@pytest.mark.slow
def test_processes_that_share_each_training_make_the_whole_study(cluster: Bash) -> None:
    cluster(commands("torchrun.sbatch"))
    wait_until(lambda: not queue(cluster))
    run = Path(cluster("pwd").strip()) / "runs" / "shared"
    assert status(run).to_do == ()


@needs_slurm
@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "given", "out"),
    [("array.sbatch", "--array=1", "warned/part-1"), ("torchrun.sbatch", "", "warned-too")],
)
def test_a_warned_job_saves_is_queued_again_and_goes_on(
    cluster: Bash, script: str, given: str, out: str
) -> None:
    jobs = Path(cluster("pwd").strip())
    run = jobs / "runs" / out
    longer = "--only replicate=1,level=0 --set training.to=100ep --set training.milestones=[]"
    line = f"{script} recipe.yaml runs/{out.partition('/')[0]} {longer}"
    job = cluster(f"sbatch --parsable {given} {line}").strip()
    wait_until(lambda: any((run / ".work").glob("*level-00*/checkpoint.safetensors")))
    batch = "--batch" * (script == "torchrun.sbatch")  # as its --signal=B: has it
    cluster(f"scancel --signal=USR1 {batch} {job}")
    wait_until(lambda: "PENDING" in queue(cluster))
    [log] = jobs.glob(f"prunescope-{job}*.log")
    assert log.read_text().count("the same command goes on from what is finished") == 1
    cluster(f"scontrol update JobId={job} StartTime=now+5")  # SLURM would wait for two minutes
    wait_until(lambda: not queue(cluster))
    assert (run / REPORT / PAGE).is_file(), log.read_text()
