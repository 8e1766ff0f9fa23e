"""The Chinese pages say what the English ones say: the same commands, tables, codes and links, section by section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.docs.test_docs import ROOT, _broken

ZH = ROOT / "docs" / "zh"
_FENCED = re.compile(r"^( *)```.*?^ *```$", re.MULTILINE | re.DOTALL)
# pages of which managers read a part: the sections of it, by their English names
_PARTS = {"release-gate.md": ["Limits", "What is released is what is delivered"]}
PAIRS = [(ROOT / "README.md", ROOT / "README.zh-CN.md")] + [
    (ROOT / "docs" / page.name, page) for page in sorted(ZH.glob("*.md")) if page.name != "README.md"
]


def sections(page: Path) -> list[tuple[str, str]]:
    """The sections of a page by their headings of any depth, with the text below each."""
    hidden: list[str] = []
    text = _FENCED.sub(
        lambda found: hidden.append(found.group()) or f"\x00{len(hidden) - 1}\x00", page.read_text("utf-8")
    )
    pieces = re.split(r"^(#+) (.+)$", text, flags=re.MULTILINE)
    found = []
    for level, title, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        shown = re.sub("\x00(\\d+)\x00", lambda number: hidden[int(number[1])], body)
        found.append((f"{level} {title}", shown))
    return found


def commands(text: str) -> list[str]:
    return [found.group() for found in _FENCED.finditer(text)]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables, each as the codes that stand in it, in the order of the alphabet."""
    plain = _FENCED.sub("", text)
    return [sorted(re.findall(r"`([^`]+)`", line)) for line in plain.splitlines() if line.startswith("|")]


def links(page: Path, text: str) -> set[str]:
    """What the text links to, as paths of the project: a page of docs/ that stands in docs/zh too is one page."""
    found = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", _FENCED.sub("", text))):
        name = link.partition("#")[0]
        target = (page.parent / name).resolve() if name else page
        relative = target.relative_to(ROOT).as_posix()
        found.add(relative.replace("docs/zh/", "docs/"))
    return found


def test_there_are_pages() -> None:
    assert {zh.name for _, zh in PAIRS} >= {"README.zh-CN.md", "for-marketing.md", "for-finance.md", "why.md"}


@pytest.mark.parametrize(("en", "zh"), PAIRS, ids=lambda page: page.name)
def test_both_languages_are_in_step(en: Path, zh: Path) -> None:
    english, chinese = sections(en), sections(zh)
    if en.name in _PARTS:
        english = [each for each in english if each[0].lstrip("# ") in _PARTS[en.name]]
        chinese = chinese[1:]  # its opening is its own
    assert [title.split()[0] for title, _ in english] == [title.split()[0] for title, _ in chinese], "other sections"
    for (title, text), (titel, translated) in zip(english, chinese, strict=True):
        assert re.search(r"[\u4e00-\u9fff]", titel + translated), titel
        assert commands(translated) == commands(text), f"{titel}: copy the blocks of {title!r}"
        assert rows(translated) == rows(text), f"{titel}: rows or codes of the tables of {title!r}"
        missing = links(en, text) - links(zh, translated)
        assert not missing, f"{titel}: links of {title!r} that are missing"


@pytest.mark.parametrize("page", [zh for _, zh in PAIRS] + [ZH / "README.md"], ids=lambda page: page.name)
def test_links_of_the_chinese_pages_lead_somewhere(page: Path) -> None:
    assert list(_broken(page)) == []


def test_a_page_out_of_step_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "en.md").write_text("# A\n\n| a | b |\n|---|---|\n| `X` | y |\n\n```\nmake run\n```\n", "utf-8")
    (tmp_path / "zh.md").write_text("# 甲\n\n| a | b |\n|---|---|\n| `Y` | y |\n\n```\nmake run\n```\n", "utf-8")
    (_, english), (_, chinese) = sections(tmp_path / "en.md")[0], sections(tmp_path / "zh.md")[0]
    assert commands(english) == commands(chinese) == ["```\nmake run\n```"]
    assert rows(english) != rows(chinese)
