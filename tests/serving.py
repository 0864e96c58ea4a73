"""How does a server behave that cuts off, changes its mind, or lies? A real one, on this machine.

Each request is answered by the next of a script's answers, the last one for all that follow.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


@dataclass
class Server:
    """A file that is served, and what was asked for: path and `Range` of each request."""

    content: bytes
    answers: list[Answer]
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"'


class Handler(BaseHTTPRequestHandler):
    """Answers as the script says."""

    script: Server
    lock: threading.Lock

    def do_GET(self) -> None:
        with self.lock:
            script = self.script
            script.asked.append((self.path, self.headers["Range"]))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
        answer(self)

    def log_message(self, *words: object) -> None:
        """Keep the tests' output clean."""

    def wanted(self) -> int:
        """Return the byte that a valid range begins at, else 0."""
        condition = self.headers["If-Range"]
        if self.headers["Range"] is None or condition not in (None, self.script.etag):
            return 0
        return int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))

    def send(self, *, start: int, length: int, sent: int | None = None, etag: bool = True) -> None:
        """Promise `length` bytes from `start`, and send `sent` of them, else all there are."""
        content = self.script.content
        self.send_response(206 if start else 200)
        if start:
            end = start + length - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        if etag:
            self.send_header("ETag", self.script.etag)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        stop = len(content) if sent is None else start + sent
        self.wfile.write(content[start:stop])


def whole(handler: Handler) -> None:
    """Serve as a good server does, from where it is asked to."""
    start, size = handler.wanted(), len(handler.script.content)
    if start >= size:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{size}")
        handler.end_headers()
    else:
        handler.send(start=start, length=size - start)


def cut(sent: int) -> Answer:
    """Promise all, and close the connection after so many bytes."""

    def answer(handler: Handler) -> None:
        start = handler.wanted()
        handler.send(start=start, length=len(handler.script.content) - start, sent=sent)

    return answer


def without_ranges(handler: Handler) -> None:
    """Send the whole file, whatever is asked."""
    handler.send(start=0, length=len(handler.script.content))


def without_tag(inner_sent: int | None = None) -> Answer:
    """Serve ranges, but say nothing by which a changed file could be known."""

    def answer(handler: Handler) -> None:
        start = handler.wanted() if handler.headers["If-Range"] is None else 0
        length = len(handler.script.content) - start
        handler.send(start=start, length=length, sent=inner_sent, etag=False)

    return answer


def lie(difference: int) -> Answer:
    """Send the whole file, and promise so many bytes more, or less where negative."""

    def answer(handler: Handler) -> None:
        handler.send(start=0, length=len(handler.script.content) + difference)

    return answer


def status(code: int) -> Answer:
    """Refuse."""

    def answer(handler: Handler) -> None:
        handler.send_error(code)

    return answer


def changed(content: bytes, inner: Answer = whole) -> Answer:
    """Serve other content from now on."""

    def answer(handler: Handler) -> None:
        handler.script.content = content
        inner(handler)

    return answer


def moved(handler: Handler) -> None:
    """Send the asker elsewhere on the same server."""
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere.zip")
    handler.end_headers()


def in_chunks(sent: int | None = None) -> Answer:
    """Serve without a length, in chunks, and without the last one where cut after `sent`."""

    def answer(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        body = handler.script.content[:sent]
        handler.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        if sent is None:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


@contextmanager
def served(content: bytes, *answers: Answer) -> Iterator[Server]:
    """Serve a file on this machine."""
    script = Server(content=content, answers=list(answers) or [whole])
    handler = type("Scripted", (Handler,), {"script": script, "lock": threading.Lock()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        script.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
