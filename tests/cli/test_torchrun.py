"""Do processes that torchrun starts write what one process writes?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = (
    "units.parquet",
    "examples.parquet",
    "borderline.parquet",
    "peaks.parquet",
    "images.parquet",
    "overlap.safetensors",
    "summary.json",
)


@pytest.mark.long
@pytest.mark.parametrize("basis", [None, "pca"])
def test_two_processes_write_the_files_of_one(
    drawn: Path, tmp_path: Path, basis: str | None
) -> None:
    along = [] if basis is None else ["--basis", basis]

    def dissect(out: Path, *before: str) -> None:
        command = [
            *(sys.executable, *before, "-m", "prunescope", "dissect", "cifar_resnet20,width=0.5"),
            *("--layer", "layer2", "--layer", "layer3", "--concepts", f"broden:{drawn}"),
            *("--quantile", "0.05", "--batch-size", "8", "--null", "3", *along),
            *("--memory", "400KB", "--out", str(out)),  # layer2 is looked at twice
        ]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert "layer2: two passes" in ended.stderr + ended.stdout
        assert "layer3: one pass" in ended.stderr + ended.stdout

    dissect(tmp_path / "one")
    dissect(tmp_path / "two", "-m", "torch.distributed.run", "--nproc-per-node", "2")
    for layer in ("layer2", "layer3"):
        for name in (*FILES, *(["basis.safetensors"] if along else [])):
            one, two = (tmp_path / run / layer / name for run in ("one", "two"))
            assert one.read_bytes() == two.read_bytes(), name
