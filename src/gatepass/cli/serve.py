"""What `gatepass exec` and `gatepass env` are asked for: registries, an index, an upload."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from gatepass import log, realm
from gatepass.child.places import Place, index, upload
from gatepass.cli.target import no_registry, once_each, registry_at
from gatepass.errors import UsageError
from gatepass.settings import Registry, Settings


class Asked(NamedTuple):
    """Every registry that is served, once each; the index and the upload that were asked for."""

    served: tuple[Registry, ...]
    install: Place | None
    upload: Place | None


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--registry",
        dest="registries",
        action="append",
        default=[],
        metavar="NAME|URL",
        help="serve this one; may be repeated (default: every one that is configured)",
    )
    parser.add_argument(
        "--index",
        metavar="PATH|URL|NAME",
        help="make this index pip's and uv's only one: a path below the first registry, a URL, "
        "whose registry is served too, or the name of a registry with `index` in config.toml",
    )
    parser.add_argument(
        "--publish",
        action="append",
        default=[],
        metavar="[NAME=]URL",
        help="where twine, uv, hatch, pdm and poetry upload to; its registry is served too",
    )


def asked(options: argparse.Namespace, settings: Settings) -> Asked:
    """Raises ConfigError (not-ours) and UsageError; the latter also where nothing is served."""
    log.configure(settings.log_level, settings.log_format, settings.log_file)
    if len(options.publish) > 1:
        raise UsageError(
            "usage",
            "--publish is there twice",
            why="each tool uploads to one address",
            do="run the command once for each",
        )
    to = upload(options.publish[0], settings) if options.publish else None
    chosen = [registry_at(target, settings) for target in options.registries]
    named = [to.registry if to else None, _at(options.index or "", settings)]
    every = [*(chosen or settings.registries), *(one for one in named if one)]
    served = once_each(every)
    if not served:
        raise no_registry()
    return Asked(served, index(options.index, served) if options.index else None, to)


def _at(url: str, settings: Settings) -> Registry | None:
    """The registry that a whole URL lies in, configured or known by its host; else None."""
    address = realm.parse(url) if "://" in url else None
    return settings.registry_for(address) if address else None
