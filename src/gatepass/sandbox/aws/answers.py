"""How AWS answers: STS in XML, the older way, CodeArtifact in JSON (restJson1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from ..messages import Answer, as_json

_XML = "text/xml"
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ERROR_TYPE = "x-amzn-ErrorType"
_REQUEST_ID = "x-amzn-RequestId"

Tree = Mapping[str, "str | Tree"]


def result(action: str, content: Tree, note: str) -> Answer:
    """200 with what `action` gives."""
    request_id = str(uuid.uuid4())
    tree: Tree = {
        f"{action}Result": content,
        "ResponseMetadata": {"RequestId": request_id},
    }
    return _document(200, f"{action}Response", tree, request_id, note)


def error(status: int, code: str, message: str, note: str = "") -> Answer:
    """An error of STS; its note begins with the code."""
    request_id = str(uuid.uuid4())
    content = {"Type": "Sender", "Code": code, "Message": message}
    tree: Tree = {"Error": content, "RequestId": request_id}
    return _document(status, "ErrorResponse", tree, request_id, note or f"{code}: {message}")


def exception(status: int, code: str, message: str, note: str = "", **members: object) -> Answer:
    """An error of CodeArtifact, whose code is in a header; its note begins with the code."""
    return as_json(
        status,
        {"message": message, **members},
        headers={_ERROR_TYPE: code, _REQUEST_ID: str(uuid.uuid4())},
        note=note or f"{code}: {message}",
    )


def idp_error() -> Answer:
    """STS could not talk to the issuer, this time."""
    return error(
        400,
        "IDPCommunicationError",
        "An error occurred while communicating with the identity provider. Please try again.",
    )


def no_key() -> Answer:
    """STS found no key at the issuer, this time: the code says that the token is wrong."""
    return error(
        400,
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider, please reference "
        "AssumeRoleWithWebIdentity documentation for requirements",
    )


def _document(status: int, root: str, tree: Tree, request_id: str, note: str) -> Answer:
    body = f'<{root} xmlns="{_NAMESPACE}">\n{_inside(tree, "  ")}</{root}>\n'
    return Answer(status, body.encode(), _XML, {_REQUEST_ID: request_id}, note)


def _inside(tree: Tree, indent: str) -> str:
    lines = []
    for name, content in tree.items():
        if isinstance(content, str):
            lines.append(f"{indent}<{name}>{escape(content)}</{name}>\n")
        else:
            below = _inside(content, indent + "  ")
            lines.append(f"{indent}<{name}>\n{below}{indent}</{name}>\n")
    return "".join(lines)
