"""What gatepass says of its own steps: to stderr or a file, as text or JSON lines.

The standard library's ``logging`` does the work, and is imported only when a line is really
written: the warm path writes none. Callers pass names, addresses and claims, never a secret.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gatepass import files

if TYPE_CHECKING:
    import logging

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_threshold = LEVELS["warning"]
_format = "text"
_file = ""
_logger: logging.Logger | None = None


def configure(level: str = "warning", format: str = "text", file: str = "") -> None:
    """Set the least level that is written, ``text`` or ``json``, and a file instead of stderr."""
    global _threshold, _format, _file, _logger
    if (LEVELS[level], format, file) != (_threshold, _format, _file):
        _threshold, _format, _file, _logger = LEVELS[level], format, file, None


def debug(event: str, message: str, **fields: object) -> None:
    _write("debug", event, message, fields)


def info(event: str, message: str, **fields: object) -> None:
    _write("info", event, message, fields)


def warning(event: str, message: str, **fields: object) -> None:
    _write("warning", event, message, fields)


def error(event: str, message: str, **fields: object) -> None:
    _write("error", event, message, fields)


def notice(event: str, message: str, **fields: object) -> None:
    """What a service says of its own life: seen wherever warnings are, and no warning."""
    _write("warning", event, message, fields, shown="info")


def say(text: str) -> None:
    """Write a line to standard error, as it is; it is lost where that is closed or full.

    Where there is none, ``print`` would take standard output instead, whose reader takes what
    comes for a password.
    """
    if sys.stderr is not None:
        try:
            print(text, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            pass  # nobody is left to be told


def _write(
    level: str, event: str, message: str, fields: dict[str, object], shown: str = ""
) -> None:
    if LEVELS[level] >= _threshold:
        from gatepass.errors import plain

        extra = {"event": event, "fields": fields, "shown": shown or level}
        _open().log(LEVELS[level], "%s", plain(message, 2000), extra=extra)


def _open() -> logging.Logger:
    """The logger, with exactly our handler: a host's own handlers (pip's) never see our lines."""
    global _logger
    if _logger is not None:
        return _logger
    import logging

    class Layout(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            # `extra` of _write's made them attributes, which logging's types don't know.
            event, fields = record.event, record.fields  # type: ignore[attr-defined]
            level = record.shown  # type: ignore[attr-defined]  # likewise
            if _format == "text":
                return f"gatepass: {level}: {record.getMessage()}"
            import json

            line = {
                "time": record.created,
                "level": level,
                "event": event,
                "message": record.getMessage(),
                **fields,
            }
            return json.dumps(line, default=str)

    class Lines(logging.Handler):
        """Appends to the file; else, and from the first failure on, to today's sys.stderr: pip
        and others put another one in its place while they run."""

        file = _file

        def emit(self, record: logging.LogRecord) -> None:
            if self.file:
                try:
                    files.append(self.file, self.format(record) + "\n")
                    return
                except OSError as error:
                    reason = error.strerror or "it can't be opened"
                    say(f"gatepass: warning: no log in {self.file}: {reason}")
                    self.file = ""
            say(self.format(record))

    logger = logging.Logger("gatepass", _threshold)  # not registered: nobody else configures it
    handler = Lines()
    handler.setFormatter(Layout())
    logger.addHandler(handler)
    _logger = logger
    return logger
