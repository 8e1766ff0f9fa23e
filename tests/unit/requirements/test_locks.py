"""The locks hold for every machine that the README names, not only for the one that locked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# published as one wheel for every machine (`py3-none-any`), without its source
PURE_WHEELS = {"openlineage-integration-common", "openlineage-python"}
LOCKS = sorted((Path(__file__).parents[3] / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_package_is_locked_to_one_file(lock: Path) -> None:
    """Each has at least a wheel and its source; with one hash alone another Python or processor finds no file."""
    packages = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8"))
    alone = [package.split()[0] for package in packages if package.count("--hash=sha256:") < 2]
    alone = [package for package in alone if package.partition("==")[0] not in PURE_WHEELS]
    assert not alone, f"{lock.name}: locked by one file each: {', '.join(alone)}: lock them again with `make lock`"


def test_what_runs_is_what_is_tested() -> None:
    """`scripts/bootstrap` takes lineage.txt for all of runtime.txt, and dev.txt for all of both: the same files."""
    runtime, lineage, dev = (
        set(re.split(r"\n(?=\S)", (LOCKS[0].parent / f"{name}.txt").read_text(encoding="utf-8").strip()))
        for name in ("runtime", "lineage", "dev")
    )
    assert "apache-airflow-providers-openlineage" in {each.partition("==")[0] for each in lineage - runtime}
    assert runtime <= lineage <= dev
