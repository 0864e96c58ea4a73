"""How is a folder packed as Broden is published, or an archive as only an attacker packs one?"""

import io
import stat
import struct
import zipfile
from pathlib import Path

FILE, LINK, DEVICE, PIPE = stat.S_IFREG, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO


def packed(folder: Path, top: str = "broden1_224/") -> bytes:
    """Zip a folder's files below `top`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, top + path.relative_to(folder).as_posix())
    return file.getvalue()


def entry(name: str, kind: int = FILE) -> zipfile.ZipInfo:
    """Return an entry of a kind of file, as Unix states it."""
    info = zipfile.ZipInfo(name)
    info.filename = name
    info.external_attr = (kind | 0o777) << 16
    return info


def archive_of(*entries: tuple[zipfile.ZipInfo | str, bytes], method: int = 8) -> bytes:
    """Zip entries with their content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in entries:
            archive.writestr(info, content, compress_type=method)
    return file.getvalue()


def lying(content: bytes, stated: int, crc: int | None = None, method: int = 8) -> bytes:
    """Zip one file `a`, stating another size of it, everywhere it is stated."""
    whole = bytearray(archive_of(("a", content), method=method))
    central = whole.index(b"PK\x01\x02")
    for place in (22, central + 24):
        struct.pack_into("<I", whole, place, stated)
    if crc is not None:
        for place in (14, central + 16):
            struct.pack_into("<I", whole, place, crc)
    return bytes(whole)


def with_flag(archive: bytes, flag: int) -> bytes:
    """Set a flag of an archive's first file."""
    whole = bytearray(archive)
    central = whole.index(b"PK\x01\x02")
    whole[6] |= flag
    whole[central + 8] |= flag
    return bytes(whole)
