"""docs/demo.svg: the picture of a terminal in which `gatepass demo` has just run.

The demo runs for real, on a pseudo-terminal, for its colours. Its first chapters are drawn, with
the system's ports numbered anew, so that the picture changes when the story does. POSIX only.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS, CHAPTERS = 100, 4

# Pixels: a monospaced letter is 0.6 of its height wide everywhere, or `textLength` makes it so.
_WIDE, _HIGH, _SIZE, _MARGIN, _BAR = 8.4, 18, 14, 16, 30
_STYLES = {"1": "b", "2": "d", "32": "g", "36": "c"}
_CSS = (
    ".b{font-weight:700;fill:#fff}.d{fill:#8b949e}.g{fill:#7ee787}.c{fill:#79c0ff}"
    "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "fill:#c9d1d9;white-space:pre}"
)
_TOOK = re.compile(r' textLength="[\d.]+"|(?<=[( ])[\d.]+ s\b')
_COLOUR = re.compile(r"\033\[(\d+)m")


def recorded(command: list[str]) -> str:
    """What a command writes to a terminal of COLUMNS columns. Raises SystemExit if it fails."""
    child, terminal = pty.fork()
    if child == 0:
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        os.execve(command[0], command, {**env, "TERM": "xterm-256color"})  # noqa: S606
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    heard = b""
    try:
        while part := os.read(terminal, 65536):
            heard += part
    except OSError:
        pass  # Linux says so when the last writer has gone
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        sys.exit(f"{' '.join(command)} ended with {status}:\n{heard.decode()}")
    return heard.decode().replace("\r\n", "\n")


def told(heard: str) -> list[str]:
    """The lines to draw: the first chapters, with ports that are the same each time."""
    ports: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        if match[1] not in ports:
            ports.append(match[1])
        return f"localhost:{8443 + ports.index(match[1])}"

    after = re.split(rf"\n\s*(?:\033\[\d+m)*{CHAPTERS + 1}(?:\033\[\d+m)*  ", heard)
    if len(after) != 2:
        sys.exit(f"the demo has no chapter {CHAPTERS + 1} that the picture could end before")
    story = re.sub(r"localhost:(\d+)", numbered, after[0])
    return ["$ make demo", "", *story.strip("\n").splitlines()]


def _wrapped(line: str) -> list[str]:
    """A long line below its own beginning. The demo itself wraps the lines that have colours."""
    if len(_COLOUR.sub("", line)) <= COLUMNS:
        return [line]
    begin = " " * (len(line) - len(line.lstrip()) + 5)
    return textwrap.wrap(line, COLUMNS, subsequent_indent=begin, break_on_hyphens=False)


def _spans(line: str) -> list[tuple[int, str, str]]:
    """Column, style and text of each part of a line that shows."""
    spans, column, style = [], 0, ""
    for number, part in enumerate(_COLOUR.split(line)):
        if number % 2:
            style = _STYLES.get(part, "")
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part):
            spans.append((column + word.start(), style, word[0]))
        column += len(part)
    return spans


def drawn(lines: list[str]) -> str:
    """The SVG."""
    rows = [row for line in lines for row in _wrapped(line)]
    width = round(COLUMNS * _WIDE + 2 * _MARGIN)
    height = _BAR + len(rows) * _HIGH + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="A terminal: gatepass demo">',
        f"<style>{_CSS}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
        *(
            f'<circle cx="{20 + 18 * n}" cy="16" r="5" fill="{colour}"/>'
            for n, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        ),
    ]
    for number, row in enumerate(rows):
        y = _BAR + number * _HIGH + _SIZE
        for column, style, text in _spans(row):
            x, long = _MARGIN + column * _WIDE, len(text) * _WIDE
            kind = f' class="{style}"' if style else ""
            parts.append(
                f'<text{kind} x="{x:.1f}" y="{y}" textLength="{long:.1f}">{escape(text)}</text>'
            )
    return "\n".join([*parts, "</svg>", ""])


def same(one: str, other: str) -> bool:
    """Whether two pictures tell the same story: how long a step took doesn't matter."""
    return _TOOK.sub("", one) == _TOOK.sub("", other)


def now() -> str:
    """The picture of the demo as it is."""
    program = Path(sys.executable).parent / "gatepass"
    return drawn(told(recorded([str(program), "demo"])))


def main() -> None:
    """Draw it into docs/, if it has changed."""
    new = now()
    if not PICTURE.exists() or not same(new, PICTURE.read_text(encoding="utf-8")):
        PICTURE.write_text(new, encoding="utf-8")
        print(f"{PICTURE.relative_to(ROOT)}: drawn")


if __name__ == "__main__":
    main()
