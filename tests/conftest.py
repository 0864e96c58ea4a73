"""What do all tests share?"""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real photographs and networks; tests that use it are skipped where it is absent."""
    folder = Path(os.environ.get("PRUNESCOPE_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"the real photographs are not at {folder} (set PRUNESCOPE_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    """Small tensors are slower on several threads."""
    import torch

    torch.set_num_threads(1)
