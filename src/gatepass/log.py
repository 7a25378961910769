"""What gatepass says of its own steps: to stderr or a file, as text or JSON lines.

The standard library's ``logging`` does the work, and is imported only when a line is really
written: the warm path writes none. Callers pass names, addresses and claims, never a secret.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

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


def _write(level: str, event: str, message: str, fields: dict[str, object]) -> None:
    if LEVELS[level] >= _threshold:
        from gatepass.errors import plain

        extra = {"event": event, "fields": fields}
        _open().log(LEVELS[level], "%s", plain(message, 2000), extra=extra)


def _open() -> logging.Logger:
    """The logger, with exactly our handler: a host's own handlers (pip's) never see our lines."""
    global _logger
    if _logger is not None:
        return _logger
    import logging

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            event, fields = record.event, record.fields  # type: ignore[attr-defined]
            if _format == "text":
                return f"gatepass: {record.levelname.lower()}: {record.getMessage()}"
            import json

            line = {
                "time": record.created,
                "level": record.levelname.lower(),
                "event": event,
                "message": record.getMessage(),
                **fields,
            }
            return json.dumps(line, default=str)

    logger = logging.Logger("gatepass", _threshold)  # not registered: nobody else configures it
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if _file:
        try:
            handler = logging.FileHandler(_file, encoding="utf-8", delay=False)
        except OSError as error:
            reason = error.strerror or "it can't be opened"
            print(f"gatepass: warning: no log in {_file}: {reason}", file=sys.stderr)
    handler.setFormatter(Lines())
    logger.addHandler(handler)
    _logger = logger
    return logger
