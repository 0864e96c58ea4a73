"""Where is there to compute?"""

import os


def default_device() -> str:
    """Return "cuda" if there is a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_cores() -> int:
    """Return how many cores this process may use; a cluster often allows fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_workers(independent: int) -> int:
    """Return how many processes to run beside each other for so many independent pieces of work.

    On a CPU as many as there are pieces and cores, since one small training uses two cores badly;
    on a GPU one.
    """
    return 1 if default_device() == "cuda" else max(1, min(independent, usable_cores()))
