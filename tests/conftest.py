"""One server for the session, and warehouses on it in which every model stands."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from laoyouhui_local.server import EmbeddedPostgres

# Great Expectations makes and drops a million small objects a date: looking for cycles among them took a tenth of it.
gc.set_threshold(50_000, 20, 100)


# The longest first, so that no worker begins one of them when the others are done; what answers at once comes last.
FIRST = (
    "campaign/test_development_page.py",
    "crash/test_kills.py",
    "crash/test_under_airflow.py",
    "integration/test_scheduler.py",
    "integration/test_lineage.py",
    "campaign/test_dbt_by_hand.py",
    "campaign/test_dbt_each_day.py",
    "campaign/test_withdrawals.py",
    "campaign/test_add_a_benefit.py",
    "upgrade/",
    "crash/",
    "campaign/",
    "integration/",
    "dags/",
    "unit/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the modules by `FIRST`; the order within each, and within each folder, stays."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return next((number for number, first in enumerate(FIRST) if name.startswith(first)), len(FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The embedded server, with the template; it ends with the session."""
    from tests.template import bring_template

    home = tmp_path_factory.mktemp("server")
    bring_template(home)
    with EmbeddedPostgres(home, fsync=False) as postgres:
        yield postgres


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Callable[[], str]:
    """Make an empty database and give its DSN."""
    number = itertools.count(1)
    return lambda: postgres.create_database(f"campaign_{next(number)}")


@pytest.fixture(scope="session")
def new_warehouse(postgres: EmbeddedPostgres) -> Callable[[], str]:
    """Make a database in which every model stands, without a row, and give its DSN."""
    from tests.template import TEMPLATE

    number = itertools.count(1)
    return lambda: postgres.create_database(f"warehouse_{next(number)}", TEMPLATE)
