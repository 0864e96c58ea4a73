"""Is what a network sees said, decoded and sized without loading torch?"""

import subprocess
import sys


def test_inputs_pictures_and_sizes_need_no_torch():
    modules = ", ".join(
        f"prunescope.imaging.{name}" for name in ("network_input", "decoding", "sizing")
    )
    program = f"import sys, {modules}; print('torch' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
