"""Is the archive in which torch saved weights whole, by its checksums?"""

import zipfile
import zlib
from pathlib import Path

from prunescope.base.errors import DataError
from prunescope.base.text import on_one_line, shortened
from prunescope.results.forms import in_a_line

_CHUNK = 1 << 20
_RATIO = 100  # torch packs nothing; of other tools that zip weights none reaches this
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def check_archive(path: Path) -> None:
    """Compare every part of a zip archive with its checksum, which `torch.load` does not.

    Of the flipped bits of a small checkpoint one in twenty gave other weights, silently. An archive
    whose checksums are all 0 (`torch.serialization.set_crc32_options`) states none.
    Raises DataError for a part that is not as it was written, or unpacks to far more than there
    is. What is no archive, or has no table of contents, is left to torch to refuse.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGE, OSError):
        return
    with archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > _CHUNK + _RATIO * path.stat().st_size:
            raise DataError(f"{path} is refused: it unpacks to {_RATIO} times its size or more")
        if not any(part.CRC for part in parts):
            return
        for part in parts:
            try:
                with archive.open(part) as content:
                    while content.read(_CHUNK):
                        pass
            except (*_DAMAGE, OSError) as error:
                name = on_one_line(shortened(part.filename))
                raise DataError(
                    f"{path} is damaged: its part {name} is not as it was written "
                    f"({in_a_line(error)}); copy or download it again"
                ) from error
