"""The variables by which each tool finds its way to a credential, none of which holds one.

Measured with pip 23.2 to 26.3, uv 0.13, twine 7, hatch 1.18, poetry 2.5 and pdm 2.29: pip and uv
call the `keyring` on PATH, the others load keyring in their own process. uv and hatch ask for
nobody's password unless they are told a user name; so does pip before 26.2, by the index's address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatepass import log
from gatepass.child import pipfiles
from gatepass.child.places import Place, username
from gatepass.settings import Registry
from gatepass.settings.registries import variable_of

_UNLESS_SET = {"PIP_KEYRING_PROVIDER": "subprocess", "UV_KEYRING_PROVIDER": "subprocess"}

# Variables that would lead the tools elsewhere, or send one registry the password of another.
_AGAINST_INDEX = (
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_PYPI_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
)
_AGAINST_UPLOAD = (
    "HATCH_INDEX_AUTH",
    "PDM_PUBLISH_PASSWORD",
    "TWINE_PASSWORD",
    "TWINE_REPOSITORY",
    "UV_PUBLISH_INDEX",
    "UV_PUBLISH_PASSWORD",
    "UV_PUBLISH_TOKEN",
)


def tools(
    env: Mapping[str, str],
    served: Sequence[Registry],
    *,
    index: Place | None = None,
    upload: Place | None = None,
) -> dict[str, str]:
    """``env`` with what the tools need.

    What is set already stays as it is, which is said (info); but for what ``--index`` and
    ``--publish`` ask for, which outranks the environment: what would stand against it goes. What
    would have led to another index than the one that was asked for is said (warning).
    """
    against: tuple[str, ...] = ()
    if index:
        against += tuple(name for name in env if _leads_elsewhere(name))
        # uv would take it, and ask nobody.
        against += (f"UV_INDEX_{variable_of(index.name)}_PASSWORD",)
        gone = against_index(env)
        if gone:
            log.warning("set-aside", set_aside(gone))
        for line in pipfiles.further(env):
            log.warning("further-index", line)
    if upload:
        against += _AGAINST_UPLOAD
    return _merged(env, _defaults(served), _asked(index, upload), against)


def needed(served: Sequence[Registry], index: Place | None) -> dict[str, str]:
    """What pip and uv need, whatever is set already."""
    return {**_defaults(served), **_asked(index, None)}


def _defaults(served: Sequence[Registry]) -> dict[str, str]:
    users = {f"UV_INDEX_{variable_of(one.name)}_USERNAME": username(one) for one in served}
    return {**_UNLESS_SET, **users}


def _asked(index: Place | None, upload: Place | None) -> dict[str, str]:
    asked: dict[str, str] = {}
    if index:
        asked = {
            "PIP_INDEX_URL": index.url_with_user,
            "UV_DEFAULT_INDEX": f"{index.name}={index.url}",
            f"UV_INDEX_{variable_of(index.name)}_USERNAME": username(index.registry),
        }
    return {**asked, **(publishing(upload) if upload else {})}


def against_index(env: Mapping[str, str]) -> list[str]:
    """Which variables that are set would lead pip or uv to another index than the only one."""
    return [name for name in env if env[name] and _leads_elsewhere(name)]


def set_aside(gone: Sequence[str]) -> str:
    """What to say of them where they go."""
    why = "the index that was asked for is to be the only one; to keep them, ask for none"
    return f"set aside: {', '.join(gone)} ({why})"


def _leads_elsewhere(name: str) -> bool:
    # After its PIP_ pip minds no letter's size.
    return (name.upper() if name.startswith("PIP_") else name) in _AGAINST_INDEX


def publishing(upload: Place) -> dict[str, str]:
    """Where to upload to and as whom, for twine, uv, hatch, pdm and poetry."""
    user = username(upload.registry)
    return {
        "TWINE_REPOSITORY_URL": upload.url,
        "TWINE_USERNAME": user,
        "UV_PUBLISH_URL": upload.url,
        "UV_PUBLISH_USERNAME": user,
        "HATCH_INDEX_REPO": upload.url,
        "HATCH_INDEX_USER": user,
        "PDM_PUBLISH_REPO": upload.url,
        "PDM_PUBLISH_USERNAME": user,
        f"POETRY_REPOSITORIES_{variable_of(upload.name)}_URL": upload.url,
    }


def _merged(
    env: Mapping[str, str],
    defaults: Mapping[str, str],
    asked: Mapping[str, str],
    against: Sequence[str],
) -> dict[str, str]:
    for name, value in defaults.items():
        if (env.get(name) or value) != value and name not in asked:
            log.info("kept", f"{name} is set already, and stays as it is")
    for name in against:
        if name in env and not _leads_elsewhere(name):
            log.info("dropped", f"{name} stands against what was asked for: the command lacks it")
    own = {name: value for name, value in env.items() if name not in against}
    unset = {name: value for name, value in defaults.items() if not own.get(name)}
    return {**own, **unset, **asked}
