"""What a runner reads of a step: commands in its output, and the files that it may write.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMAND = re.compile(r"^\s*::(?P<name>[a-zA-Z-]+)(?: (?P<properties>.*?))?::(?P<data>.*)$")
_OLD_COMMAND = re.compile(r"##\[(?P<name>[a-zA-Z-]+)(?P<properties>[^\]]*)\](?P<data>.*)$")
_LEVELS = ("error", "warning", "notice")

#: Commands that would change the job. Nobody of ours uses them: whoever does was let in.
CHANGING = ("set-output", "set-env", "add-path", "save-state", "stop-commands")


class Annotation(NamedTuple):
    """A line of the run's page: error, warning or notice."""

    level: str
    title: str
    text: str


class Reader:
    """Reads a step's output line by line. `log`: what the run's page shows, with masks applied."""

    def __init__(self) -> None:
        self.masks: list[str] = []
        self.annotations: list[Annotation] = []
        self.injected: list[str] = []
        self.log: list[str] = []

    def read(self, output: str) -> None:
        for line in output.splitlines():
            found = _COMMAND.match(line) or _OLD_COMMAND.search(line)
            if not found:
                self.log.append(self.masked(line))
                continue
            name, data = found["name"], _unescaped(found["data"])
            if name == "add-mask":
                self.masks.append(data)
                self.log.append("::add-mask::***")
            elif name in _LEVELS:
                title = dict(_properties(found["properties"] or "")).get("title", "")
                self.annotations.append(Annotation(name, title, self.masked(data)))
                self.log.append(self.masked(f"{name}: {data}"))
            elif name in CHANGING:
                self.injected.append(line)
            elif name not in ("group", "endgroup", "debug"):
                raise AssertionError(f"no such command: {line}")

    def masked(self, text: str) -> str:
        for secret in sorted(self.masks, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _properties(text: str) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    return [(name, _unescaped(v.replace("%3A", ":").replace("%2C", ","))) for name, _, v in pairs]


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def named_values(text: str) -> dict[str, str]:
    """GITHUB_ENV or GITHUB_OUTPUT: ``name=value`` lines, and values between delimiters."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    if lines.pop() != "":
        raise AssertionError("the file's last line has no end")
    while lines:
        line = lines.pop(0)
        start = re.fullmatch(r"([^=]+?)<<(.+)", line)
        if start:
            name, end = start.groups()
            rest = lines.index(end)
            found[name] = "\n".join(lines[:rest])
            del lines[: rest + 1]
        else:
            name, equals, value = line.partition("=")
            if not equals:
                raise AssertionError(f"neither name=value nor name<<delimiter: {line!r}")
            found[name] = value
    for name in found:
        if name.startswith(("GITHUB_", "RUNNER_")) or name == "NODE_OPTIONS":
            raise AssertionError(f"the runner refuses {name}")
    return found
