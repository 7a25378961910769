"""A person's AWS configuration, as files in this test's home."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from awswire import SECRET_KEY, Who, request
from gatepass.errors import IdentityError
from gatepass.exchange import chain
from gatepass.exchange.sigv4 import Keys

ME = Who(name="aws", label="this machine's AWS credentials", role_arn="", can_remint=False)
STATIC = f"""\
aws_access_key_id = AKIAEXAMPLEEXAMPLE12
aws_secret_access_key = {SECRET_KEY}
"""


def configure(config: str = "", credentials: str = "") -> None:
    """Write ``~/.aws/config`` and ``~/.aws/credentials``."""
    folder = Path(os.environ["HOME"]) / ".aws"
    folder.mkdir(exist_ok=True)
    for name, text in (("config", config), ("credentials", credentials)):
        if text:
            (folder / name).write_text(dedent(text), encoding="utf-8")


def keys(profile: str = "", seconds: float = 20, **options: Any) -> Keys:
    """What the chain finds in the process's own environment."""
    asked = request("http://127.0.0.1:1", ME, seconds=seconds, profile=profile, **options)
    return chain.keys(asked._replace(env=os.environ))


def failed(profile: str = "", seconds: float = 20, **options: Any) -> IdentityError:
    """What the chain ends in; the error shows no key, and carries no frame that holds one."""
    with pytest.raises(IdentityError) as caught:
        keys(profile, seconds, **options)
    error = caught.value
    assert SECRET_KEY not in str(error)
    assert all(line.isprintable() for line in str(error).splitlines())
    assert error.__cause__ is None
    assert error.__context__ is None
    return error
