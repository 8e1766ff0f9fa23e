"""One server that may be killed, and the undisturbed story on it, for all tests of the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.crash.servers import Postgres
from tests.crash.story import Reference
from tests.template import TEMPLATE, bring_template


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """The story undisturbed; worlds begin from before any of its dates."""
    folder = tmp_path_factory.mktemp("crash")
    bring_template(folder)
    with Postgres(folder, fsync=False) as server, closing(Reference(folder, server, TEMPLATE)) as played:
        yield played.play()
