"""Every error of gatepass, and how it reads.

::

    GatepassError                 base: code, what, why, do
    ├── UsageError                the command line (exit status 2)
    ├── ConfigError               environment variables and config.toml
    ├── IdentityError             no subject token, or none that can be read
    ├── TrustError                a subject token that is not what it must be
    ├── TransportError            the network: nothing came back, or nothing usable
    └── ExchangeError             the registry's side said no

An error's ``code`` is a heading of ``docs/errors.md``. Texts never hold a secret: whoever raises
one puts in only names, addresses and what passed through :func:`plain`.
"""

from __future__ import annotations

DOCS = "docs/errors.md"
_SHOWN = 300
"""Characters of foreign text that an error shows: enough for a reason, too few to flood a log."""


def plain(text: object, limit: int = _SHOWN) -> str:
    """``text`` on one line, without control characters, at most ``limit`` characters.

    For text that somebody else wrote (servers, files, tokens): it can then neither move a
    terminal's cursor nor start a line that a CI runner takes for a command. It does not look for
    secrets: do not pass any.
    """
    joined = " ".join(str(text).split()).replace("##[", "# #[")  # GitHub's runner obeys those
    clean = "".join(char if char.isprintable() else "?" for char in joined)
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def plain_address(text: str) -> str:
    """:func:`plain` for what should be an address and isn't a good one: nothing of it is shown
    where it has an @, since a password may stand before that."""
    return "(not shown: it has an @)" if "@" in text else plain(text, 100)


class GatepassError(Exception):
    """Base of all. ``code``: a heading of docs/errors.md; ``what``, ``why``, ``do``: text.

    ``do`` may have several lines (a snippet of YAML, say); the other two have one.
    """

    exit_status = 1

    def __init__(self, code: str, what: str, *, why: str = "", do: str = "") -> None:
        super().__init__(code, what, why, do)
        self.code, self.what, self.why, self.do = code, what, why, do

    def __str__(self) -> str:
        """The block that a person reads; ends without a newline."""
        lines = [f"error[{self.code}]: {self.what}"]
        for label, text in (("why", self.why), ("do", self.do)):
            if text:
                first, *more = text.splitlines()
                lines.append(f"  {label + ':':<4} {first}")
                lines.extend(f"       {line}".rstrip() for line in more)
        lines.append(f"  see: {DOCS}#{self.code}")
        return "\n".join(lines)


class UsageError(GatepassError):
    """The command line can't be understood, or leaves open what it is about."""

    exit_status = 2


class ConfigError(GatepassError):
    """An environment variable or a configuration file says something that can't be."""


class IdentityError(GatepassError):
    """There is no subject token to present, or it can't be had."""


class TrustError(GatepassError):
    """The subject token is not what it claims, or not meant for where it would go."""


class TransportError(GatepassError):
    """No usable answer from the network. Says nothing about what the other side did."""


class ExchangeError(GatepassError):
    """The registry's side answered, and the answer is no credential."""


def internal(error: BaseException) -> GatepassError:
    """A fault of gatepass' own, as an error: its kind and place, never its text or variables."""
    trace, place = error.__traceback__, "?"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return GatepassError(
        "internal",
        f"gatepass itself failed: {type(error).__name__} at {place}",
        why="this is a fault in gatepass, not in what you did",
        do="please report it with this line and with what `gatepass whoami` prints",
    )
