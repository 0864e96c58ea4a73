"""How is a large file fetched from a server that may fail, change it or misreport it?"""

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from prunescope.base.errors import DataError, DownloadError, StoreError
from prunescope.base.files import write_atomically
from prunescope.base.paths import require_room
from prunescope.base.progress import SILENT, Progress
from prunescope.results.forms import COUNT, TEXT, Fields
from prunescope.results.reading import read_form

_CHUNK = 1 << 18
_MB = 1_000_000
_LONGEST_WAIT = 30.0
_RECORD_FORM: Fields = {
    **{"url": TEXT, "etag": TEXT.or_none, "modified": TEXT.or_none},
    "length": COUNT.or_none,
}
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # errors that may pass
_RANGE_REFUSED = 416
_CHANGED = "the file on the server has changed"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often, and after which waits, a failing download is retried.

    attempts: how many in a row may bring nothing new
    wait: seconds before the second attempt; doubled before each further one, up to 30
    timeout: seconds without a byte after which a connection counts as cut
    """

    attempts: int = 5
    wait: float = 1.0
    timeout: float = 60.0


def fetch(
    url: str,
    path: Path,
    *,
    copies: int = 1,
    patience: Patience = Patience(),
    progress: Progress = SILENT,
) -> None:
    """Fetch a file; resume where an earlier attempt, in this process or another, was cut off.

    Until the file has the length the server promised, it is kept under `path` with the suffix
    `.part`, and beside it the server's headers, by which a file that has changed since is
    recognised and fetched anew.
    copies: how many times the file's length must be free on the disk.
    Raises DataError where the server refuses for good (404 and such), DownloadError where it
    cannot be reached or keeps failing, StoreError on a full disk. The part is kept in any case.
    """
    part = _Part(path)
    largest, failures = part.size, 0
    while True:
        try:
            _go_on(url, part, copies, patience.timeout, progress)
            break
        except _CutOff as error:
            if part.size > largest:
                largest, failures = part.size, 0
            failures += 1
            if failures >= patience.attempts:
                kept = f"; {part.size / _MB:,.1f} MB are kept in {part.path}" if part.size else ""
                raise DownloadError(
                    f"{url}: {error}, {failures} times without anything new{kept}: "
                    "run the same command again to go on, or fetch from elsewhere"
                ) from error
            wait = min(patience.wait * 2 ** (failures - 1), _LONGEST_WAIT)
            progress.say(f"{url}: {error}; trying again in {wait:g} s")
            time.sleep(wait)
    part.finish()


class _CutOff(Exception):
    """An attempt ended early; another may get further."""


@dataclass(frozen=True, kw_only=True)
class _Version:
    """The headers by which another version of a file is recognised.

    length: in bytes; None where the server does not say
    """

    url: str
    etag: str | None
    modified: str | None
    length: int | None

    def may_be(self, other: "_Version") -> bool:
        """Return whether two versions differ in nothing that both state."""
        mine, theirs = vars(self), vars(other)
        return all(None in (mine[key], theirs[key]) or mine[key] == theirs[key] for key in mine)

    @property
    def validator(self) -> str | None:
        """The value for `If-Range`: a strong tag, else the date."""
        weak = self.etag is None or self.etag.startswith("W/")
        return self.modified if weak else self.etag


class _Part:
    """A partly downloaded file, and the version it belongs to."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.part")
        self._goal = path
        self._record = path.with_name(f"{path.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> _Version | None:
        try:
            return _Version(**read_form(self._record, _RECORD_FORM))
        except (DataError, TypeError):
            return None

    def begin(self, version: _Version) -> BinaryIO:
        """Start the part anew, for another version than before."""
        self.discard()
        write_atomically(self._record, json.dumps(vars(version)).encode())
        return self.path.open("wb", buffering=0)

    def append(self) -> BinaryIO:
        return self.path.open("ab", buffering=0)

    def discard(self) -> None:
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.replace(self._goal)
        self._record.unlink(missing_ok=True)


def _go_on(url: str, part: _Part, copies: int, timeout: float, progress: Progress) -> None:
    """Fetch what is missing. Raises _CutOff where not all of it arrives."""
    earlier = part.version
    if earlier is None or earlier.url != url:
        part.discard()
    elif part.size and part.size == earlier.length:
        return
    try:
        response = urllib.request.urlopen(_request(url, part), timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            _explain(url, error, part)
        return
    except (http.client.InvalidURL, UnicodeError) as error:
        raise DataError(f"{url} is no address: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _CutOff(f"the server cannot be reached ({reason})") from error
    with response:
        _receive(url, response, part, copies, progress)


def _request(url: str, part: _Part) -> urllib.request.Request:
    headers = {"User-Agent": "prunescope", "Accept-Encoding": "identity"}
    version = part.version
    if part.size and version is not None:
        headers["Range"] = f"bytes={part.size}-"
        if version.validator is not None:
            headers["If-Range"] = version.validator
    return urllib.request.Request(url, headers=headers)


def _explain(url: str, error: urllib.error.HTTPError, part: _Part) -> None:
    """Raise the error that an HTTP status means; return if the part is the whole file already."""
    answer = f"{error.code} {error.reason}".strip()
    if error.code == _RANGE_REFUSED:
        whole = _total(error.headers["Content-Range"])
        if whole is not None and whole == part.size:
            return
        part.discard()
        raise _CutOff(_CHANGED)
    if error.code in _PASSING:
        raise _CutOff(f"the server answers {answer}")
    raise DataError(f"{url} cannot be fetched: the server answers {answer}")


def _receive(
    url: str, response: http.client.HTTPResponse, part: _Part, copies: int, progress: Progress
) -> None:
    promised = response.length
    goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT
    had = part.size if goes_on else 0
    whole = None if promised is None else had + promised
    if goes_on:
        stated = response.headers["Content-Range"]
        whole = _total(stated) or whole
    version = _Version(
        url=url,
        etag=response.headers["ETag"],
        modified=response.headers["Last-Modified"],
        length=whole,
    )
    earlier = part.version
    if goes_on and not (
        earlier is not None and earlier.may_be(version) and _starts_at(stated, had)
    ):
        part.discard()
        raise _CutOff(_CHANGED)
    if had:
        progress.say(f"{url}: going on after {had / _MB:,.1f} MB")
    elif part.size:
        progress.say(f"{url}: beginning anew, for the server does not go on or {_CHANGED}")
    what = url if copies == 1 else f"{url}, with room to unpack it,"
    require_room(part.path.parent, copies * (whole or 0) - had, what)
    with part.append() if goes_on else part.begin(version) as file:
        received = _copy(url, response, file, promised, progress)
    if promised is None:
        return
    if received > promised:
        part.discard()
        raise _CutOff(f"the server sent more than the {promised:,} bytes it promised")
    if received < promised:
        raise _CutOff(f"the connection was cut after {received:,} of {promised:,} bytes")


def _copy(
    url: str,
    response: http.client.HTTPResponse,
    file: BinaryIO,
    promised: int | None,
    progress: Progress,
) -> int:
    """Write what arrives; return its length, at most one chunk more than was promised."""
    response.length = None  # else more than the promised bytes would go unnoticed
    received = 0
    with progress.task(f"Downloading {url} (MB)", (promised or 0) // _MB) as task:
        while promised is None or received <= promised:
            try:
                chunk = response.read1(_CHUNK)
            except TimeoutError:
                if received == promised:
                    break  # the server keeps the connection open, though asked to close it
                raise _CutOff("the connection fell silent") from None
            except (OSError, http.client.HTTPException) as error:
                raise _CutOff(f"the connection was cut ({error})") from error
            if not chunk:
                break
            _write(file, chunk)
            task.advance((received + len(chunk)) // _MB - received // _MB)
            received += len(chunk)
    return received


def _write(file: BinaryIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise StoreError(
            f"{file.name} cannot be written: {error.strerror}; what has come is kept: "
            "make room, and run the same command again to go on"
        ) from error


def _starts_at(content_range: str | None, start: int) -> bool:
    return (content_range or "").startswith(f"bytes {start}-")


def _total(content_range: str | None) -> int | None:
    text = (content_range or "").rpartition("/")[2]
    return int(text) if text.isdecimal() else None
