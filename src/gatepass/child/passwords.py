"""The variables that hold a secret, for tools that take it in no other way.

A variable is inherited by every process below, shown by debug dumps, and never renewed: what
`gatepass exec` gives without asking for these is better. poetry looks for its own by the source's
name, uv by the index's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatepass import log
from gatepass.child.environment import publishing
from gatepass.child.places import Place, inside
from gatepass.child.serving import Held
from gatepass.errors import UsageError
from gatepass.settings.registries import variable_of

_UPLOADERS = {
    "hatch": ("HATCH_INDEX_REPO", "HATCH_INDEX_USER", "HATCH_INDEX_AUTH"),
    "twine": ("TWINE_REPOSITORY_URL", "TWINE_USERNAME", "TWINE_PASSWORD"),
}
TOOLS = ("poetry", *_UPLOADERS)
"""What ``--for`` takes beside ``netrc``."""

_POETRY, _UV = "POETRY_HTTP_BASIC_", "UV_INDEX_"
_FOR_PYPI = (f"{_POETRY}PYPI", "FLIT", "MATURIN", "PDM_PUBLISH", "TWINE", "UV_PUBLISH")
"""Where a tool finds the password that it sends to PyPI if it is told of no other place."""


def for_tools(
    tools: Sequence[str], held: Sequence[Held], env: Mapping[str, str], upload: Place | None = None
) -> dict[str, str]:
    """Of these tools alone, for a command whose environment is ``env`` so far.

    twine and hatch get the password of the registry that they are told to upload to (``--publish``,
    or a variable of theirs). UsageError where that is none of those that are served: without an
    address both upload to PyPI, which must not be sent it. Likewise for a registry whose name means
    PyPI to poetry.
    """
    found: dict[str, str] = {}
    if "poetry" in tools:
        for one in held:
            found |= _named(_poetrys(one.registry.name), _credential(one))
        if upload:
            found |= _named(_poetrys(upload.name), _of(held, upload))
    for tool, (address, user, secret) in _UPLOADERS.items():
        if tool in tools:
            if not env.get(address):
                raise UsageError(
                    "usage",
                    f"--for {tool} needs to know where to upload to",
                    why="without an address it uploads to PyPI, and would send the password there",
                    do="gatepass exec --publish URL, or set " + address,
                )
            at = inside(env[address], [one.registry for one in held], address)
            place = Place(at.name, env[address], at)
            found |= dict(zip((user, secret), _of(held, place), strict=True))
    return found


def everything(
    held: Sequence[Held], index: Place | None = None, upload: Place | None = None
) -> dict[str, str]:
    """For `gatepass env`: all that there is a variable for.

    ``<NAME>_USERNAME`` and ``_PASSWORD`` of each registry for scripts, and uv's and poetry's; with
    an index, its address for pip and uv; with an upload, where to and as whom for each tool. What
    would go to PyPI because of a registry's name is left out, and said (warning).
    """
    found: dict[str, str] = {}
    for one in held:
        name = variable_of(one.registry.name)
        # No shell has a variable that begins with a digit; the others are another index's.
        own = () if name[0].isdigit() or name.startswith((_UV, _POETRY)) else (name,)
        for prefix in (*own, _UV + name, _POETRY + name):
            found |= _unless_pypis(prefix, _credential(one))
    if index:
        from urllib.parse import quote

        user, secret = _of(held, index)
        whole = index.url.replace("://", f"://{user}:{quote(secret, safe='')}@", 1)
        found |= {"PIP_INDEX_URL": whole, "UV_DEFAULT_INDEX": f"{index.name}={index.url}"}
    if upload:
        found |= publishing(upload)
        user, secret = _of(held, upload)
        for variable in ("TWINE", "UV_PUBLISH", "PDM_PUBLISH"):
            found[f"{variable}_PASSWORD"] = secret
        found["HATCH_INDEX_AUTH"] = secret
        found |= _unless_pypis(_POETRY + variable_of(upload.name), (user, secret))
    return found


def _poetrys(name: str) -> str:
    prefix = _POETRY + variable_of(name)
    if prefix in _FOR_PYPI:
        raise UsageError(
            "usage",
            f"--for poetry can't be had for the name {name}",
            why="poetry means PyPI by it, and would send the password there",
            do="give the registry (or the upload, in --publish NAME=URL) another name; or serve\n"
            "others alone (--registry)",
        )
    return prefix


def _unless_pypis(prefix: str, credential: tuple[str, str]) -> dict[str, str]:
    if prefix not in _FOR_PYPI:
        return _named(prefix, credential)
    variable = f"{prefix}_PASSWORD"
    log.warning("left-out", f"no {variable} because of a registry's name: it would go to PyPI")
    return {}


def _named(prefix: str, credential: tuple[str, str]) -> dict[str, str]:
    user, secret = credential
    return {f"{prefix}_USERNAME": user, f"{prefix}_PASSWORD": secret}


def _of(held: Sequence[Held], place: Place) -> tuple[str, str]:
    return next(_credential(one) for one in held if one.registry == place.registry)


def _credential(one: Held) -> tuple[str, str]:
    return one.credential.username, one.credential.secret.reveal()
