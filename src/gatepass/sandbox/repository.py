"""One repository's pages and files: the simple API as HTML (PEP 503) and as JSON (PEP 691)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from email.message import Message
from html import escape

from .distributions import Distribution
from .messages import Answer, as_json, as_text

_HTML = "text/html"
_V1_HTML = "application/vnd.pypi.simple.v1+html"
_V1_JSON = "application/vnd.pypi.simple.v1+json"
_VARY = {"Vary": "Accept"}


class Conflict(Exception):
    """A file of that name is there, with other bytes."""


def normalise(name: str) -> str:
    """A project's name as URLs spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Repository:
    """A set of files that answers below `base`, the URL path of its snapshot.

    It does not check who asks. It knows neither yanked files nor separate metadata (PEP 592, 658),
    and no byte ranges.
    """

    def __init__(self, base: str, files: Iterable[Distribution] = ()) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._files = {file.filename: file for file in files}

    def at(self, base: str) -> Repository:
        """The same files, now and later, answering below another path."""
        other = Repository(base)
        other._lock, other._files = self._lock, self._files
        return other

    def add(self, file: Distribution) -> None:
        """Take a file in; the same bytes again are no fault, other bytes are a Conflict."""
        with self._lock:
            there = self._files.setdefault(file.filename, file)
        if there.data != file.data:
            raise Conflict(file.filename)

    def answer(self, path: str, headers: Message) -> Answer:
        """The page or file at `path` below the base, with or without a slash at its end."""
        match path.strip("/").split("/"):
            case ["simple"]:
                return self._projects(headers)
            case ["simple", project]:
                return self._project(normalise(project), headers)
            case ["packages", filename] if filename in self._files:
                return Answer(200, self._files[filename].data, "application/octet-stream")
        return as_text(404, "not found")

    def _projects(self, headers: Message) -> Answer:
        names = sorted({file.project for file in self._listed()})
        media_type = _preferred(headers.get("Accept", ""))
        if media_type == _V1_JSON:
            projects = [{"name": name} for name in names]
            return _json({"meta": {"api-version": "1.0"}, "projects": projects})
        links = [(f"{self._base}/simple/{name}/", name, "") for name in names]
        return _html("Simple index", links, media_type)

    def _project(self, project: str, headers: Message) -> Answer:
        files = [file for file in self._listed() if file.project == project]
        if not files:
            return as_text(404, "no such project")
        media_type = _preferred(headers.get("Accept", ""))
        if media_type == _V1_JSON:
            entries = [self._entry(file) for file in files]
            return _json({"meta": {"api-version": "1.0"}, "name": project, "files": entries})
        links = [
            (f"{self._url(file)}#sha256={file.sha256}", file.filename, file.requires_python)
            for file in files
        ]
        return _html(f"Links for {project}", links, media_type)

    def _listed(self) -> list[Distribution]:
        with self._lock:
            return sorted(self._files.values(), key=lambda file: file.filename)

    def _entry(self, file: Distribution) -> dict[str, object]:
        entry: dict[str, object] = {
            "filename": file.filename,
            "url": self._url(file),
            "hashes": {"sha256": file.sha256},
        }
        return {**entry, "requires-python": file.requires_python} if file.requires_python else entry

    def _url(self, file: Distribution) -> str:
        return f"{self._base}/packages/{file.filename}"


def _preferred(accept: str) -> str:
    """The media type that the client likes best of those we have (RFC 9110 section 12.5.1)."""
    weights = {_V1_JSON: 0.0, _V1_HTML: 0.0, _HTML: 0.001}
    for item in accept.split(","):
        media_type, *parameters = (part.strip() for part in item.split(";"))
        media_type = media_type.lower().replace(".simple.latest+", ".simple.v1+")
        if media_type in weights:
            weights[media_type] = _weight(parameters)
    return max(weights, key=weights.__getitem__)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _json(value: dict[str, object]) -> Answer:
    answer = as_json(200, value)
    return Answer(200, answer.body, _V1_JSON, _VARY)


def _html(title: str, links: list[tuple[str, str, str]], media_type: str) -> Answer:
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta charset="utf-8">',
        '<meta name="pypi:repository-version" content="1.0">',
        f"<title>{escape(title)}</title></head><body>",
        *(_link(*link) for link in links),
        "</body></html>",
    ]
    return Answer(200, ("\n".join(lines) + "\n").encode(), media_type, _VARY)


def _link(url: str, text: str, requires_python: str) -> str:
    needs = f' data-requires-python="{escape(requires_python)}"' if requires_python else ""
    return f'<a href="{escape(url)}"{needs}>{escape(text)}</a><br>'
