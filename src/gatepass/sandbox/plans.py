"""Faults in words: `exchange=503x2`, `issuer=slow=3`, `kubernetes=dropx*`, `gitlab=skew=-600`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .aws import answers as aws
from .faults import Fault
from .messages import JSON, Answer, Manner

#: Whose answers can be spoiled, and which of these have an issuer with keys and a clock.
PARTIES = (
    "exchange",
    "github",
    "issuer",
    "gitlab",
    "kubernetes",
    "index",
    "sts",
    "codeartifact",
    "device",
    "idp",
    "menda",
)
WITH_ISSUER = ("github", "issuer", "gitlab", "kubernetes", "idp")

_KINDS = (
    "STATUS, STATUS:retry-after=SECONDS, slow=SECONDS, drip=SECONDS, drop, truncate, redirect=URL,"
    " huge or garbage (for sts also idp-error or no-key), each with xN for N times or x* for ever;"
    " rotate; skew=SECONDS"
)
_FLOOD = 50 * 1024 * 1024  # bytes
_GARBAGE = b'\xff\xfe{"\x00<!-- neither JSON nor text'

# What only STS says when it can't ask the issuer; both pass.
_OF_STS = {"idp-error": aws.idp_error, "no-key": aws.no_key}

_SECONDS = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_COUNTED = re.compile(r"(?P<kind>.+?)(?:x(?P<times>[1-9][0-9]{0,5}|\*))?")
_STATUS = re.compile(r"(?P<status>[2-5][0-9]{2})(?::retry-after=(?P<after>[0-9]{1,6}))?")
_WAITING = re.compile(rf"(?P<which>slow|drip)=(?P<seconds>{_SECONDS})")
_REDIRECT = re.compile(r"redirect=(?P<url>[!-~]+)")
_SKEW = re.compile(rf"skew=(?P<seconds>[+-]?{_SECONDS})")


@dataclass(frozen=True, slots=True)
class Rotation:
    """New keys now, the old ones gone."""


@dataclass(frozen=True, slots=True)
class Skew:
    """An issuer's clock is `seconds` ahead."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens at `party`: a fault to `times` requests (None: to all), or to its issuer."""

    party: str
    what: Fault | Rotation | Skew
    times: int | None = 1


def parse(text: str) -> Plan:
    """Read PARTY=KIND; ValueError, with what there is, for anything else.

    An xN or x* at the very end is always the number of times: a URL that ends so needs one more.
    """
    party, _, rest = text.partition("=")
    if party not in PARTIES:
        raise ValueError(
            f"{text!r} is no fault: it is PARTY=KIND, like exchange=503x2,"
            f" and the parties are {', '.join(PARTIES)}"
        )
    own = _of_issuer(rest)
    if own is not None:
        if party not in WITH_ISSUER:
            raise ValueError(
                f"{text!r} is no fault: only {', '.join(WITH_ISSUER)} have keys and a clock"
            )
        return Plan(party, own)
    counted = _COUNTED.fullmatch(rest)
    fault = _fault(party, counted["kind"]) if counted else None
    if counted is None or fault is None:
        raise ValueError(f"{text!r} is no fault: after {party}= comes {_KINDS}")
    times = counted["times"] or "1"
    return Plan(party, fault, None if times == "*" else int(times))


def _of_issuer(kind: str) -> Rotation | Skew | None:
    if kind == "rotate":
        return Rotation()
    skew = _SKEW.fullmatch(kind)
    return Skew(float(skew["seconds"])) if skew else None


def _fault(party: str, kind: str) -> Fault | None:
    note = f"planned: {kind}"
    if party == "sts" and kind in _OF_STS:
        return Fault(note, instead=_OF_STS[kind]())
    match kind:
        case "drop":
            return Fault(note, instead=Answer(0))
        case "truncate":
            return Fault(note, manner=Manner(cut=True))
        case "huge":
            return Fault(note, manner=Manner(padding=_FLOOD))
        case "garbage":
            return Fault(note, instead=Answer(200, _GARBAGE, JSON))
    if found := _STATUS.fullmatch(kind):
        headers = {"Retry-After": found["after"]} if found["after"] else {}
        return Fault(note, instead=Answer(int(found["status"]), headers=headers))
    if found := _WAITING.fullmatch(kind):
        seconds = float(found["seconds"])
        slow = found["which"] == "slow"
        return Fault(note, manner=Manner(wait=seconds) if slow else Manner(drip=seconds))
    if found := _REDIRECT.fullmatch(kind):
        # 307: a client that follows sends the same method and body again, secrets included.
        return Fault(note, instead=Answer(307, headers={"Location": found["url"]}))
    return None
