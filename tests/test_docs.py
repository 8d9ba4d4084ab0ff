"""The pages for people: links lead somewhere, both languages have the same commands, the first page stays short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *(ROOT / "paddle_eye").rglob("*.md")]
PAGES += [ROOT / "dataset/README.md", ROOT / "dataset/README_zh.md"]
TRANSLATED = [
    ("README.md", "docs/README_zh.md"),
    ("dataset/README.md", "dataset/README_zh.md"),
    ("docs/guide.md", "docs/guide_zh.md"),
    ("docs/notebooks.md", "docs/notebooks_zh.md"),
    ("docs/differences.md", "docs/differences_zh.md"),
    ("docs/guarantees.md", "docs/guarantees_zh.md"),
]


def headings(page):
    """The names by which the sections of a page are linked."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not path.startswith("http"):
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor[1:] not in headings(target)):
                broken.append(path + anchor)
    assert broken == []


@pytest.mark.parametrize(("english", "chinese"), TRANSLATED)
def test_both_languages_have_the_same_sections_and_commands(english, chinese):
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in (english, chinese)]
    levels = [re.findall(r"^#+(?= )", re.sub("```.*?```", "", text, flags=re.DOTALL), re.MULTILINE) for text in pages]
    assert levels[0] == levels[1]
    blocks = [re.findall(r"```(?:bash|python)?\n(.*?)```", text, re.DOTALL) for text in pages]
    commands = [[line.partition("  #")[0].rstrip() for block in part for line in block.splitlines()] for part in blocks]
    assert commands[0] == commands[1]
    inline = [re.findall(r"`(python tools/[^`]+)`", text) for text in pages]
    assert inline[0] == inline[1]
    assert len(commands[0]) > 10 or english in ("docs/differences.md", "docs/guarantees.md")


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200


def test_no_page_names_a_command_that_is_not_there():
    for page in PAGES:
        for tool in re.findall(r"python (tools/\w+\.py)", page.read_text(encoding="utf-8")):
            assert (ROOT / tool).is_file() or "NAME" in tool, (page, tool)
        for config in re.findall(r"configs/[\w/]+\.yaml", page.read_text(encoding="utf-8")):
            assert (ROOT / config).is_file() or "NAME" in config, (page, config)
