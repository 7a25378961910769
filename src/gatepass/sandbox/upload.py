"""The legacy upload API, as twine and uv speak it: one multipart form, one file.

Not checked: whether the file is a distribution inside, whether it fits the metadata fields beside
its project's name, other digests than SHA-256, signatures and attestations.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from email.message import Message
from email.parser import BytesParser

from .distributions import Distribution
from .messages import Answer, Incoming, as_text, wrong_method
from .repository import Conflict, Repository, normalise

#: The largest form, in bytes.
LIMIT = 64 * 1024 * 1024

_FILENAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._+!]*)-[A-Za-z0-9._+!-]+(?:\.whl|\.tar\.gz|\.zip)")


class _Bad(Exception):
    """The form is wrong; the message says how."""


def answer(incoming: Incoming, repository: Repository) -> Answer:
    """200 when the file is in (also when it was in already), else 400 with the reason."""
    refused = wrong_method(incoming, "POST")
    if refused is not None:
        return refused
    try:
        file = _file(*_form(incoming))
        repository.add(file)
    except _Bad as error:
        return as_text(400, str(error))
    except Conflict:
        return as_text(400, "File already exists")
    return Answer(200, note=file.filename)


def _form(incoming: Incoming) -> tuple[dict[str, str], str, bytes]:
    """The fields, the file's name and the file's bytes (RFC 7578)."""
    if incoming.headers.get_content_type() != "multipart/form-data":
        raise _Bad("the content type is not multipart/form-data")
    head = f"Content-Type: {incoming.headers['Content-Type']}\r\n\r\n".encode("latin-1")
    form = BytesParser().parsebytes(head + incoming.body)
    # The parser mends what is broken and lists what it mended: a cut body must not pass.
    if not form.is_multipart() or form.defects:
        raise _Bad("the body is not a complete multipart form")
    fields: dict[str, str] = {}
    file: tuple[str, bytes] | None = None
    for part in form.get_payload():
        if not isinstance(part, Message):
            raise _Bad("the body is not a complete multipart form")
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(data, bytes):
            raise _Bad("a part has no name or no content")
        if name == "content":
            if file is not None:
                raise _Bad("there is more than one file")
            file = (part.get_filename() or "", data)
        else:
            # Classifiers and the like repeat; none of the fields that count here may.
            if name in fields and name in (":action", "name", "version", "sha256_digest"):
                raise _Bad(f"the field {name} is repeated")
            fields[name] = data.decode("utf-8", "replace")
    if file is None:
        raise _Bad("the field content is missing")
    return fields, *file


def _file(fields: dict[str, str], filename: str, data: bytes) -> Distribution:
    if fields.get(":action") != "file_upload" or fields.get("protocol_version") != "1":
        raise _Bad("the :action is not file_upload, or the protocol_version is not 1")
    for name in ("name", "version", "sha256_digest"):
        if not fields.get(name):
            raise _Bad(f"the field {name} is missing")
    match = _FILENAME.fullmatch(filename)
    project = normalise(fields["name"])
    if match is None or not _belongs(filename, project):
        raise _Bad("the file name is not one of the project's")
    digest = hashlib.sha256(data).hexdigest()
    given = fields["sha256_digest"].lower()
    if not hmac.compare_digest(digest.encode(), given.encode()):
        raise _Bad("the sha256_digest is not the file's")
    return Distribution(project, filename, data, fields.get("requires_python", ""))


def _belongs(filename: str, project: str) -> bool:
    return normalise(filename).startswith(f"{project}-")
