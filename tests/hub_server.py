"""What does the Hugging Face Hub answer? A stand-in on this machine, which speaks its protocol.

It takes new repositories, commits of small files and of large ones by git LFS, and gives them back
as the Hub does: by their tree and by single files.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_standinsecret"
LARGE = 4_000
"""Files of more bytes go by git LFS."""


@dataclass
class Repository:
    """A repository: whether it is private, and the files of every commit by their paths."""

    private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1] if self.commits else {}

    def commit(self, files: dict[str, bytes]) -> str:
        """Add a commit with these files besides those that are there."""
        oid = hashlib.sha1(f"{len(self.commits)}".encode()).hexdigest()
        self.commits.append((oid, {**self.files, **files}))
        return oid

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1] if self.commits else ("0" * 40, {})
        return next((each for each in self.commits if each[0] == revision), None)


@dataclass
class Hub:
    """What the stand-in holds: repositories by type and name, and large files by their sha256."""

    address: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    writable: bool = True


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._get(with_content=False)

    def do_GET(self) -> None:
        self._get(with_content=True)

    def do_PUT(self) -> None:
        oid = self.path.rpartition("/")[2]
        content = self._content()
        assert hashlib.sha256(content).hexdigest() == oid
        self.hub.large[oid] = content
        self._answer(200, {})

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"POST {path}")
        content = self._content()
        if path == "/api/validate-yaml":
            card = json.loads(content)["content"]
            front = yaml.safe_load(card.split("---\n")[1])
            sound = isinstance(front, dict)
            self._answer(200 if sound else 400, {"warnings": [], "errors": []})
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"error": "Invalid username or password."})
        elif not self.hub.writable:
            self._answer(403, {"error": "You don't have the rights to create a model"})
        elif path == "/api/repos/create":
            self._create(json.loads(content))
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [self._upload(each) for each in json.loads(content)["objects"]]
            self._answer(200, {"transfer": "basic", "objects": objects})
        elif "/preupload/" in path:
            modes = [
                {
                    **{"path": file["path"], "shouldIgnore": False, "oid": None},
                    "uploadMode": "lfs" if file["size"] > LARGE else "regular",
                }
                for file in json.loads(content)["files"]
            ]
            self._answer(200, {"files": modes})
        else:
            self._commit(path, content)

    def log_message(self, *words: object) -> None:
        """Keep the tests' output clean."""

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _create(self, stated: dict[str, Any]) -> None:
        name = f"{stated['organization']}/{stated['name']}"
        kind = stated.get("type", "model")
        url = f"{self.hub.address}/{'datasets/' if kind == 'dataset' else ''}{name}"
        if (kind, name) in self.hub.repositories:
            self._answer(409, {"error": "You already created this repo", "url": url})
            return
        private = stated.get("visibility") == "private"
        self.hub.repositories[kind, name] = Repository(private=private)
        self._answer(200, {"url": url})

    def _upload(self, stated: dict[str, Any]) -> dict[str, Any]:
        action = {"upload": {"href": f"{self.hub.address}/lfs/{stated['oid']}"}}
        there = {} if stated["oid"] in self.hub.large else {"actions": action}
        return {"oid": stated["oid"], "size": stated["size"], **there}

    def _commit(self, path: str, content: bytes) -> None:
        _, _, types, namespace, name, word, _ = path.split("/")
        assert word == "commit"
        files: dict[str, bytes] = {}
        for line in content.splitlines():
            step = json.loads(line)
            value = step["value"]
            if step["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif step["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
        repository = self.hub.repositories[types.removesuffix("s"), f"{namespace}/{name}"]
        oid = repository.commit(files)
        url = f"{self.hub.address}/{namespace}/{name}/commit/{oid}"
        self._answer(200, {"commitUrl": url, "commitOid": oid})

    def _get(self, *, with_content: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.asked.append(f"{self.command} /{path}")
        parts = path.split("/")
        if parts[0] == "api":
            kind, name, file = parts[1].removesuffix("s"), "/".join(parts[2:4]), ""
            word, revision = parts[4:6] if len(parts) > 5 else ("", "main")
        else:
            kind = "dataset" if parts[0] == "datasets" else "model"
            parts = parts[1:] if kind == "dataset" else parts
            name, (word, revision), file = "/".join(parts[:2]), parts[2:4], "/".join(parts[4:])
        repository = self.hub.repositories.get((kind, name))
        may_see = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not may_see):
            self._answer(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        found = repository.at(revision)
        if found is None:
            self._answer(404, {"error": "none"}, {"X-Error-Code": "RevisionNotFound"})
            return
        commit, files = found
        if word == "tree":
            rows = [self._row(each, content) for each, content in files.items()]
            self._answer(200, rows)
        elif word != "resolve":
            self._answer(200, {"id": name, "sha": commit, "siblings": [], "tags": []})
        elif file not in files:
            self._answer(404, {"error": "none"}, {"X-Error-Code": "EntryNotFound"})
        else:
            self._give(files[file], commit, with_content=with_content)

    def _row(self, path: str, content: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(content).hexdigest()
        row = {"type": "file", "path": path, "size": len(content), "oid": oid}
        if len(content) > LARGE:
            large = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
            row["lfs"] = {**large, "pointerSize": 130}
        return row

    def _give(self, content: bytes, commit: str, *, with_content: bool) -> None:
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def _answer(self, status: int, values: Any, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)


@contextmanager
def hub_on_this_machine() -> Iterator[Hub]:
    """Serve an empty Hub for as long as the block lasts."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
