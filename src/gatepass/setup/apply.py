"""Make all planned changes or none, and take them back."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import NamedTuple

from gatepass.errors import ConfigError, plain
from gatepass.setup.change import Change
from gatepass.setup.journal import Journal, Step
from gatepass.setup.snapshot import make_folders, put, remove_folders, take


def apply(changes: list[Change], journal: Journal) -> None:
    """Make the changes, each remembered before it is made.

    Raises ConfigError (setup-failed), after everything was put back: a file can't be written, or
    isn't what it was when it was planned. An interruption puts everything back too.
    """
    if not changes:
        with suppress(OSError), journal.alone():
            pass  # what a killed one left is gone now
        return
    with ExitStack() as stack:
        _apply(changes, journal, stack)


def _apply(changes: list[Change], journal: Journal, stack: ExitStack) -> None:
    """``stack``: holds the lock until all is made or put back."""
    steps, folders, done = list(journal.steps), list(journal.folders), list[Change]()
    try:
        journal.make_folder()
        stack.enter_context(journal.alone(change.path for change in changes))
        for change in changes:
            _make(change, journal)
            done.append(change)
    except BaseException as error:
        stuck = _take_back(done, journal, len(steps))
        if not stuck:
            made = journal.folders[len(folders) :]
            journal.steps, journal.folders = steps, folders
            _close(journal)
            remove_folders(made)
        if not isinstance(error, OSError):
            raise
        at = f" ({plain(error.filename)})" if error.filename else ""
        raise ConfigError(
            "setup-failed",
            f"{plain(changes[len(done)].path)} can't be written: {error.strerror}{at}",
            why="what had been changed before it could not all be put back"
            if stuck
            else "what had been changed before it was put back: nothing is different now",
            do="gatepass setup --undo" if stuck else "mend that, and run it again",
        ) from None


def _make(change: Change, journal: Journal) -> None:
    if take(change.path, follow=change.follow) != change.before:
        raise OSError(11, "somebody has changed it in this moment")
    target = os.path.realpath(change.path) if change.follow else change.path
    journal.add(change)
    journal.save()
    made = make_folders(os.path.dirname(target))
    if made:
        journal.folders += made
        journal.save()
    put(change.path, change.after, follow=change.follow)


def _take_back(done: list[Change], journal: Journal, earlier: int) -> bool:
    """Whether something of that could not be put back."""
    del journal.steps[earlier + len(done) :]  # the one that failed changed nothing
    try:
        for change in reversed(done):
            put(change.path, change.before, follow=change.follow)
    except OSError:
        _close(journal)
        return True
    return False


def _close(journal: Journal) -> None:
    try:
        journal.close()
    except OSError:
        pass  # what can't be written couldn't either when this failed; that is what is told


class Undone(NamedTuple):
    """Paths that are as they were, and those that were left alone, each with the reason."""

    restored: list[str]
    left: list[tuple[str, str]]


def undo(journal: Journal, *, force: bool = False) -> Undone:
    """Put every file back as it was before setup first changed it, the last change first.

    A file that somebody edited since is left alone, and stays in the journal; ``force`` puts it
    back all the same. Each step that is done is told to the journal, so that the next one goes on
    where this one was killed. Raises OSError where the journal itself can't be written.
    """
    restored: dict[str, None] = {}
    left: dict[str, str] = {}
    kept: list[Step] = []
    with journal.alone():
        steps = journal.steps
        for index in range(len(steps) - 1, -1, -1):
            step = steps[index]
            reason = left.get(step.path) or _undo_one(step, force)
            if reason:
                left[step.path] = reason
                kept.insert(0, step)
            else:
                restored[step.path] = None
                journal.steps = steps[:index] + kept
                _tell(journal)
        journal.steps = kept
        journal.close()
    return Undone([path for path in restored if path not in left], list(left.items()))


def _tell(journal: Journal) -> None:
    try:
        journal.save()
    except BlockingIOError:
        raise
    except OSError:
        pass  # a full disk must not keep files from coming back; close() is what counts


def _undo_one(step: Step, force: bool) -> str:
    """Put one step back; the reason why it can't be, or empty."""
    try:
        now = take(step.path, follow=step.follow)
        if now == step.before:
            return ""
        if now.digest() != step.after and not force:
            return "it was edited since" if not now.is_absent else "it was removed since"
        put(step.path, step.before, follow=step.follow)
    except OSError as error:
        return error.strerror or "it can't be written"
    return ""
