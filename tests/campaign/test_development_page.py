"""docs/development.md, done from its first line to its last in a copy of the project, with an empty home."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.project import HOME, bare_environment, blocks, copy_project, do

PAGES = ("CONTRIBUTING.md", "docs/development.md")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place to clone to. Where we are root PostgreSQL runs as nobody, who has no way into pytest's own folders."""
    with TemporaryDirectory(prefix="laoyouhui-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.timeout(1800)
def test_whatever_the_page_shows_works(tmp_path: Path, folder: Path) -> None:
    project = copy_project(folder / "clone")
    for made in ("templates", "compiled"):  # of the same state of the project: it is made once for all
        if (HOME / "var" / made).exists():
            subprocess.run(["cp", "-a", "--parents", f"var/{made}", project], cwd=HOME, check=True)
    home = tmp_path / "home"
    home.mkdir()
    environment = bare_environment(home)
    environment["PATH"] = f"{project / '.venv' / 'bin'}:{environment['PATH']}"  # as `source .venv/bin/activate`
    page = list(blocks("docs/development.md"))
    try:
        said = [(block.text, do(block, project, environment)) for block in page]
    finally:
        subprocess.run(["make", "warehouse", "STOP=1"], cwd=project, env=environment, check=False)

    def answer(command: str) -> str:
        (found,) = (text for commands, text in said if command in commands)
        return found

    assert "create table" not in answer("dbt compile").lower()
    assert re.search(r"select\b.*\bfrom", answer("dbt compile"), re.DOTALL)
    assert re.search(r"B1 +\| 2026-0\d-01 \| +[1-9]", answer("the number"))
    assert re.search(r"\(3 rows\)(.|\n)*\(1 row\)", answer("the number"))
    assert "2 passed" in answer("pytest -q")
    last = answer("make run TO=2026-01-26")
    assert re.search(r"terms_version +\| count", last)
    assert re.search(r"\| 2026-01-26\n\(1 row\)", last)
    assert re.search(r"\| E-1 +\| 808600000266 +\|", last)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_only_names_is_a_target(page: str) -> None:
    text = (HOME / page).read_text("utf-8")
    targets = set(re.findall(r"make ([a-z-]+)", text))
    assert targets
    for target in sorted(targets):
        subprocess.run(["make", "--dry-run", target], cwd=HOME, check=True, capture_output=True)
