"""Is everything but a regular file refused where a file is expected, without waiting for it?"""

import os
import socket
from pathlib import Path

import pytest

from prunescope.base.errors import DataError
from prunescope.base.files import hash_file
from prunescope.base.paths import require_file


def test_what_is_no_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    for name, words in {
        "pipe": "is a named pipe, but must be a file",
        "socket": "is a socket",
        "loop": "cannot be read",
        "dangling": "cannot be read",
        ".": "is a folder",
        "absent": "does not exist",
    }.items():
        with pytest.raises(DataError, match=words):
            require_file(tmp_path / name)
        with pytest.raises(DataError, match=words):
            hash_file(tmp_path / name)
    with pytest.raises(DataError, match="is a device"):
        require_file(Path("/dev/zero"))
    listening.close()
