"""Is code that differs told apart where its version does not?"""

import shutil
import subprocess
import sys
from pathlib import Path

import prunescope
from prunescope.base.versions import versions_here

SAY = (
    "from prunescope.base.versions import versions_here; print(dict(versions_here())['prunescope'])"
)


def test_modules_that_differ_are_another_version_and_their_place_is_not(tmp_path: Path) -> None:
    def said() -> str:
        command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {paths}; {SAY}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    paths = [str(tmp_path), *sys.path]
    package = Path(prunescope.__file__).parent
    shutil.copytree(package, tmp_path / "prunescope", ignore=shutil.ignore_patterns("recipes"))
    assert said() == dict(versions_here())["prunescope"]
    with (tmp_path / "prunescope" / "base" / "seeding.py").open("a") as file:
        file.write("# changed\n")
    changed = said()
    assert changed != dict(versions_here())["prunescope"]
    assert changed.startswith(f"{prunescope.__version__} (code ")
