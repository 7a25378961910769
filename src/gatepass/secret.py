"""A secret: text that prints as ``****`` and has one way out."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a secret text. ``str``, ``repr`` and formatting show ``****``; pickling is refused.

    It protects against showing a secret by mistake (a log line, an f-string, a traceback that
    prints its variables), not against code that means to read it.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself: for the wire, for the private folder, for a face's last step."""
        return self.__text

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__text == other.__text

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would lie open in the pickle")
