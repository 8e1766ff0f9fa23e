"""`make crash KILLS=200 SEED=1`: play a campaign of kills and say where they struck and what they changed.

Keeps what it found as JSON in `var/crash/`. Ends with 1 when an end differed from the undisturbed one.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.crash.campaign import Campaign
from tests.crash.servers import HOME, Postgres
from tests.crash.story import Reference

from laoyouhui_local.console import say


def main() -> int:
    """Run the command and return its exit code."""
    signal.signal(signal.SIGTERM, _end)
    kills, seed = int(os.environ.get("KILLS") or 200), int(os.environ.get("SEED") or 1)
    kept = HOME / "var" / "crash"
    kept.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="story-", dir=kept))
    with Postgres(folder, fsync=False) as server, closing(Reference(folder, server)) as reference:
        result = Campaign(reference.play(say), seed=seed, say=say).run(kills, keep=kept / f"seed-{seed}.json")
    say(f"\n{len(result.kills)} kills in {result.dates_closed} dates, {result.seconds / 60:.0f} min, seed {seed}\n")
    say(result.table())
    if result.differences:
        say("\n" + "\n".join(result.differences) + f"\nLook at {folder}", wrong=True)
        return 1
    say("\nNo difference.")
    shutil.rmtree(folder)
    return 0


def _end(*_: object) -> None:
    raise KeyboardInterrupt  # so that the servers end with us


if __name__ == "__main__":
    sys.exit(main())
