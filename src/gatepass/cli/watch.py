"""Keep files with credentials fresh, for as long as a pod lives: netrc, pip.conf, a token alone.

Each file is replaced as a whole well before its credential ends, and removed when it has ended, so
that one that is there is good. Ends with SIGTERM or Ctrl-C, and takes its files with it.

examples:
  gatepass watch --netrc /run/gatepass/netrc --mode 0640
  gatepass watch --pip-conf /run/gatepass/pip.conf --index internal/latest --ready /run/gatepass/up
  gatepass watch --once --token /run/gatepass/token
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress

from gatepass import log
from gatepass.child import places
from gatepass.cli.target import no_registry, once_each, registry_at
from gatepass.cli.watched import Telling
from gatepass.errors import GatepassError, UsageError, plain
from gatepass.renewal.asking import Asker, Worker
from gatepass.renewal.loop import Watch
from gatepass.renewal.place import Place
from gatepass.renewal.stopping import Stop
from gatepass.renewal.targets import Netrc, PipConf, Ready, Target, Token, host_of
from gatepass.settings import Registry, Settings, load


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = (
        "gatepass watch [--registry NAME|URL]... (--netrc PATH | --token [NAME=]PATH |\n"
        "                      --pip-conf PATH [--index PATH|URL|NAME])... [--ready PATH]\n"
        "                      [--mode MODE] [--once] [--keep]"
    )

    def several(option: str, metavar: str, what: str) -> None:
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=what)

    several(
        "--registry",
        "NAME|URL",
        "for this one; may be repeated (default: every one that is configured)",
    )
    several("--netrc", "PATH", "an entry for each registry's host; what else it holds stays")
    several(
        "--pip-conf",
        "PATH",
        "pip's configuration, with the secret in the index's address; the whole file is ours",
    )
    several("--token", "[NAME=]PATH", "the secret alone; of registry NAME where there are several")
    parser.add_argument(
        "--index",
        metavar="PATH|URL|NAME",
        help="for --pip-conf: a path below the first registry, a URL, or the name of a registry "
        "whose `index` is in config.toml",
    )
    parser.add_argument(
        "--ready", metavar="PATH", help="an empty file that is there while all others are good"
    )
    parser.add_argument(
        "--mode",
        help="who may read the files: 0600, 0640, 0644, or 0400, 0440, 0444 (default: 0600); not "
        "on Windows",
    )
    parser.add_argument(
        "--once", action="store_true", help="write them and end: for an init container"
    )
    parser.add_argument("--keep", action="store_true", help="leave the files there at the end")


def run(options: argparse.Namespace) -> int:
    if options.ready:
        _take_down(options.ready)
    settings = load(os.environ)
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    try:
        return _run(options, settings)
    except GatepassError as error:
        if settings.log_format != "json":
            raise
        log.error(error.code, error.what, why=error.why, do=error.do)
        return error.exit_status


def _run(options: argparse.Namespace, settings: Settings) -> int:
    mode, served = mode_of(options.mode), registries(options.registry, settings)
    kept = targets(options, served, mode)
    ready = Ready(Place(options.ready, mode), served) if options.ready else None
    _check_paths([*kept, *([ready] if ready else [])])
    with Stop() as stop:
        worker = Worker(stop.wake)
        watch = Watch(
            served,
            kept,
            ready,
            ask=Asker(settings, dict(os.environ)),
            worker=worker,
            stop=stop,
            teller=Telling(renews=not options.once),
            once=options.once,
        )
        watch.prepare()
        is_done, left = False, list[str]()
        try:
            is_done = watch.run()
        finally:
            stays = options.keep or is_done
            if not stays:
                left = watch.remove()
            worker.leave(1.0)
        if stop.asked:
            about = "the files stay" if stays else "the files are removed"
            if left:
                about += f", but for {', '.join(left)}"
            log.notice("stopped", f"{stop.signal}: {about}", signal=stop.signal)
    return 1 if options.once and not is_done else 0


def _take_down(path: str) -> None:
    """A sign that an earlier run left, which was killed, must not outlive a start that fails."""
    sign = Ready(Place(path, 0o600), ())
    if not sign.problem():
        with suppress(OSError):
            sign.put({})


def mode_of(text: str | None) -> int:
    """Permission bits: no one but us may write, and nobody needs to run them. UsageError."""
    if text is None:
        return 0o600
    if sys.platform == "win32":
        raise _wrong("--mode does nothing on Windows", "a file has the rights of its folder there")
    mode = int(text, 8) if re.fullmatch(r"0?[0-7]{3}", text) else -1
    if mode not in (0o600, 0o640, 0o644, 0o400, 0o440, 0o444):
        raise _wrong(
            f"--mode {plain(text, 20)!r} is none of 0600, 0640, 0644, 0400, 0440, 0444",
            "whoever else could write the files could send your tools elsewhere",
        )
    return mode


def registries(names: Sequence[str], settings: Settings) -> tuple[Registry, ...]:
    """The named ones, else all, once each. ConfigError (not-ours); UsageError without any, and
    where two have one name."""
    chosen = [registry_at(name, settings) for name in names] or settings.registries
    if not chosen:
        raise no_registry()
    return once_each(chosen)


def targets(options: argparse.Namespace, served: Sequence[Registry], mode: int) -> list[Target]:
    """The files that were asked for. Raises UsageError."""
    made: list[Target] = [_netrc(Place(path, mode), served) for path in options.netrc]
    index = _index(options.index, served) if options.pip_conf else None
    if index is None and options.index:
        raise _wrong("--index is for --pip-conf", "nothing else has an index in it")
    for path in options.pip_conf:
        if index is not None:
            made.append(PipConf(Place(path, mode), index.registry, index.url))
    for text in options.token:
        registry, path = _token(text, served)
        made.append(Token(Place(path, mode), [registry]))
    if not made:
        raise _wrong("no file was named", "--netrc, --pip-conf and --token each name one")
    return made


def _netrc(place: Place, served: Sequence[Registry]) -> Netrc:
    hosts = [host_of(registry) for registry in served]
    twice = next((host for host in hosts if hosts.count(host) > 1), "")
    if twice:
        names = ", ".join(one.name for one in served if host_of(one) == twice)
        raise _wrong(
            f"a netrc has one entry for {twice}, and {names} are all there",
            "choose one of them with --registry",
        )
    return Netrc(place, served)


def _index(asked: str | None, served: Sequence[Registry]) -> places.Place:
    configured = [registry.name for registry in served if registry.index_path]
    if not asked and len(configured) == 1:
        asked = configured[0]
    if not asked:
        raise _wrong(
            "--pip-conf needs --index",
            "pip is told of an index, and the registry's own address is none",
        )
    return places.index(asked, served)


def _token(text: str, served: Sequence[Registry]) -> tuple[Registry, str]:
    """``[NAME=]PATH``; a path may have = in it."""
    name, equals, path = text.partition("=")
    named = next((registry for registry in served if equals and registry.name == name), None)
    if named is None and len(served) > 1:
        raise _wrong(
            f"--token {plain(text, 100)!r} is for which registry?",
            "write NAME=PATH; there are: " + ", ".join(registry.name for registry in served),
        )
    return (named, path) if named else (served[0], text)


def _check_paths(kept: Sequence[Target]) -> None:
    paths = [target.place.path for target in kept]
    twice = next((path for path in paths if paths.count(path) > 1), "")
    if twice:
        raise _wrong(f"{plain(twice, 100)} is named twice", "one file can't be two")


def _wrong(what: str, why: str) -> UsageError:
    return UsageError("usage", f"gatepass watch: {what}", why=why, do="gatepass watch --help")
