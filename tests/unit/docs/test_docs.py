"""The pages for people: the data dictionary is that of the models, and no link leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def render() -> Callable[[Path], str]:
    """`render` of scripts/data_dictionary, which is a command and has no ending."""
    loader = SourceFileLoader("data_dictionary", str(ROOT / "scripts" / "data_dictionary"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    render: Callable[[Path], str] = module.render
    return render


def test_the_data_dictionary_is_that_of_the_models(render: Callable[[Path], str]) -> None:
    page = (ROOT / "docs" / "data-dictionary.md").read_text("utf-8")
    assert render(ROOT / "dbt_project" / "models") == page, "the models have changed: run `make docs`"


def test_every_relation_that_people_read_is_in_the_data_dictionary() -> None:
    page = (ROOT / "docs" / "data-dictionary.md").read_text("utf-8")
    models = ROOT / "dbt_project" / "models"
    names = {
        f"{folder}.{path.stem}"
        for folder in ("marts", "ledger", "exports", "watch")
        for path in (models / folder).rglob("*.sql")
        if "data_type:" in path.with_suffix(".yml").read_text("utf-8")
    }
    assert names
    assert set(re.findall(r"^### (\S+)$", page, re.MULTILINE)) == names


def test_a_project_without_models_is_noticed(render: Callable[[Path], str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found none"):
        render(tmp_path)


def test_a_meaning_that_stands_once_is_shown_at_each_column(render: Callable[[Path], str], tmp_path: Path) -> None:
    for folder in ("marts", "ledger", "exports", "watch"):
        (tmp_path / "models" / folder).mkdir(parents=True)
        (tmp_path / "models" / folder / "one.yml").write_text(
            "models:\n  - name: one\n    description: One.\n    columns:\n"
            "      - {name: key, description: \"{{ doc('key') }}\", data_type: text}\n"
        )
    (tmp_path / "models" / "columns.md").write_text("{% docs key %}\nWhat | opens.\n{% enddocs %}\n")
    assert render(tmp_path / "models").count("| key | text | What &#124; opens. |") == 4
    (tmp_path / "models" / "columns.md").unlink()
    with pytest.raises(KeyError, match="key"):
        render(tmp_path / "models")


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    sql = (ROOT / "dbt_project" / "models" / "watch" / "alerts.sql").read_text("utf-8")
    codes = dict(re.findall(r"^    \('([A-Z_]+)', '(critical|warning)', '[^']+'\)", sql, re.MULTILINE))
    assert len(codes) >= 10
    rows = "".join(path.read_text("utf-8") for path in (ROOT / "dbt_project/models/watch/alert_rows").glob("*.sql"))
    said = set(re.findall(r"'([A-Z]+(?:_[A-Z]+)+)'", rows)) - {"SET_ASIDE"}  # a file's state, no alert
    assert said == set(codes), "a kind of alert that is not in the list is never shown"
    runbook = ROOT / "docs" / "runbook"
    pages = {path.stem: path.read_text("utf-8") for path in runbook.glob("*.md")}
    overview = pages.pop("README")
    assert set(pages) == set(codes)
    for code, page in pages.items():
        assert page.startswith(f"# {code}: ")
        for part in ("**Means.**", "**Look.**", "**Do.**", "**Closes**"):
            assert part in page, f"{code}.md lacks {part}"
        assert f"| [{code}]({code}.md) | {codes[code]} |" in overview


def test_there_are_pages() -> None:
    assert ROOT / "README.md" in PAGES
    assert ROOT / "docs" / "README.md" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(_broken(page)) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One & two\n[a](#one--two) [b](#three) [c](page.md#one--two) [d](gone.md) `[e](f)` [g](https://h)\n"
    )
    assert list(_broken(page)) == ["#three", "gone.md"]


def _broken(page: Path) -> Iterator[str]:
    """Links of a page to a file or a heading that is not there; links out of the project are not followed."""
    for link in _LINK.findall(_CODE.sub("", _FENCED.sub("", page.read_text("utf-8")))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, heading = link.partition("#")
        target = page.parent / unquote(name) if name else page
        if not target.exists() or (heading and heading not in _slugs(target)):
            yield link


def _slugs(page: Path) -> set[str]:
    """The headings of a page as a link names them: lower case, blanks as `-`, without other signs."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
