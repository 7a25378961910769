"""Environment variables: what we read, and how an absent one differs from a broken one."""

from __future__ import annotations

from collections.abc import Mapping

from gatepass.errors import ConfigError, plain

Environment = Mapping[str, str]


def read(env: Environment, name: str) -> str:
    """The variable's value without surrounding white space; empty where it is unset or empty.

    Raises ConfigError (unexpanded-variable) for a value that starts with ``$``: a CI file whose
    reference nobody replaced. The value itself is not shown: it may stand for a secret.
    """
    value = env.get(name, "").strip()
    if value.startswith("$"):
        raise ConfigError(
            "unexpanded-variable",
            f"{name} starts with a $: a reference that nothing replaced",
            why="the CI system passes a variable it doesn't know on as it was written",
            do=f"define the variable that {name} refers to, or set {name} to the value itself",
        )
    return value


def choice(env: Environment, name: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, empty where unset; ConfigError (bad-value) where it isn't allowed."""
    value = read(env, name)
    if value and value not in allowed:
        raise bad_value(name, value, allowed)
    return value


def bad_value(name: str, value: object, allowed: tuple[str, ...]) -> ConfigError:
    """The error for a value outside of a list of words, with the nearest word as a suggestion.

    ``name``: the variable, or the key and its file.
    """
    guess = nearest(str(value), allowed)
    return ConfigError(
        "bad-value",
        f"{name} is {plain(value, 60)!r}",
        why="it takes one of: " + ", ".join(allowed),
        do=f"set {name} to {guess or 'one of these'}",
    )


def nearest(word: str, words: tuple[str, ...]) -> str:
    """The word of the list that is most like ``word``; empty where none is near."""
    import difflib  # only on the way to an error message: it takes 6 ms to load

    found = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else ""


def in_ci(env: Environment) -> bool:
    """Whether a CI system runs us: ``CI`` is set, and not to ``0`` or ``false``."""
    return env.get("CI", "").strip().lower() not in ("", "0", "false")
