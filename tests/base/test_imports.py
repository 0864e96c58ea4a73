"""Is what the command line starts with light?"""

import subprocess
import sys

LIGHT = "devices errors files lock progress provenance relay seeding settings steps store"


def test_nothing_but_tensors_loads_torch():
    imports = ", ".join(f"prunescope.base.{name}" for name in LIGHT.split())
    code = f"import sys, {imports}; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
