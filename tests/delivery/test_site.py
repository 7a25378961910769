"""The site of docs/: built strictly without a network, every answer of the picker is on a page."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from delivery.pages import DOCS, anchors
from support import BIN, ROOT, child_env, guard, run

pytestmark = pytest.mark.real


def tool(name: str) -> ModuleType:
    """A program of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Page(HTMLParser):
    """What a built page loads, what it links to, and what may be linked to in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found["id"]} if "id" in found else set()
        if tag in ("script", "img", "iframe") and "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "preconnect", "icon"):
            self.loads.append(found["href"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """Each page of the site, by its name; built without a way outside."""
    folder = tmp_path_factory.mktemp("site")
    with guard() as proxy:
        env = child_env(folder, proxy.url, {"NO_MKDOCS_2_WARNING": "1"})
        command = [BIN / "mkdocs", "build", "--strict", "--site-dir", folder / "site"]
        done = run([*command, "--config-file", ROOT / "mkdocs.yml"], env, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert proxy.asked == []
    return {file.name: Page(file) for file in (folder / "site").glob("*.html")}


def test_every_page_is_in_the_site(site: dict[str, Page]) -> None:
    """Those of docs/, and those beside it."""
    made = {f"{page.stem}.html" for page in DOCS.glob("*.md")}
    assert made | {"security.html", "contributing.html", "changelog.html"} <= set(site)


def test_nothing_is_loaded_from_elsewhere(site: dict[str, Page]) -> None:
    """No font, no script, no picture: whoever reads about secrets is not told on."""
    assert [one for page in site.values() for one in page.loads if "//" in one] == []


def test_every_link_of_the_site_leads_somewhere(site: dict[str, Page]) -> None:
    """To a page and, where it names one, to a heading; also in what lies beside docs/."""
    links = 0
    for name, page in site.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if name == "404.html" or "//" in target or target in (".", ""):
                continue
            if target.endswith(".html"):
                links += 1
                assert target in site, f"{name}: {link}"
                assert not anchor or anchor in site[target].ids, f"{name}: {link}"
            else:
                assert (DOCS / target).exists(), f"{name}: {link}"
    assert links > 500


def test_headings_are_called_alike_here_and_on_github(site: dict[str, Page]) -> None:
    """A link that works in the repository works in the site."""
    for page in DOCS.glob("*.md"):
        assert anchors(page) <= site[f"{page.stem}.html"].ids


def test_nothing_is_left_out_of_the_navigation() -> None:
    """Each page of docs/ is in it, once."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r": ([\w-]+\.md)$", text, re.MULTILINE)
    assert yaml.load(text, Loader)["nav"]  # noqa: S506 - a safe loader, with one tag more
    assert len(named) == len(set(named))
    assert {page.name for page in DOCS.glob("*.md")} <= set(named)


@pytest.mark.skipif(os.name == "nt", reason="the picture is made on a pseudo-terminal")
def test_the_picture_is_of_the_demo_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/demo.svg tells what `gatepass demo` tells now, in its colours; `make docs` draws it."""
    picture = tool("picture")
    monkeypatch.setenv("PATH", os.pathsep.join([str(BIN), "/usr/bin", "/bin"]))
    kept = picture.PICTURE.read_text(encoding="utf-8")
    assert picture.same(picture.now(), kept), "run: make docs"
    assert 'class="g"' in kept
    hosts = set(re.findall(r"https?://([\w.-]+)", kept)) - {"www.w3.org"}
    assert hosts == {"localhost"}
    assert str(Path.home()) not in kept
    assert sys.prefix not in kept
