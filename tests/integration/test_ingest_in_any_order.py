"""Deliveries, mistakes and corrections in any order, found by hypothesis, on a real PostgreSQL.

After each run, whatever lies in `in/` is on record as received or as waiting, each file is loaded once, and each row of
it is loaded or quarantined; and a second run changes nothing. `FUZZ_EXAMPLES=1500` looks longer.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.integration.test_ingest import EVE, Intake, recharge, subscriber

from laoyouhui_local.server import EmbeddedPostgres

FEEDS = {"recharge": recharge, "subscriber": subscriber}
EXAMPLES = max(3, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 100)  # of some seconds each
_NUMBERS = count(1)


def test_whatever_is_delivered_in_whatever_order_nothing_is_silent_or_doubled(postgres: EmbeddedPostgres) -> None:
    class Exchange(Deliveries):
        server = postgres

    run_state_machine_as_test(
        Exchange,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # to make a story shorter takes many runs of seconds each; its steps are printed
        ),
    )


def _make_room(path: Path) -> None:
    """Take away a folder or a link that stands where a file is to be written."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        path.rmdir()


class Deliveries(RuleBasedStateMachine):
    """A carrier that makes every mistake, and an operator who runs the ingest."""

    server: EmbeddedPostgres

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        dsn = self.server.create_database(f"any_order_{next(_NUMBERS)}")
        self.intake = Intake(Path(self.folder.name), dsn)
        self.day = EVE
        for feed in FEEDS:
            (self.intake.root / feed).mkdir()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def files(self) -> list[Path]:
        return sorted(
            path for path in self.intake.root.rglob("*") if path.is_file() and path.parent != self.intake.root
        )

    @rule(
        feed=st.sampled_from(sorted(FEEDS)),
        ahead=st.sampled_from([-1, 0, 0, 0, 1, 2, 365]),
        seq=st.integers(1, 2),
        rows=st.integers(0, 3),
        gz=st.booleans(),
        lie=st.sampled_from(
            [{}, {}, {}, {"bytes": 1}, {"rows": 7}, {"sha256": "0" * 64}, {"file": "x"}, {"total": "7"}]
        ),
    )
    def deliver(self, feed: str, ahead: int, seq: int, rows: int, gz: bool, lie: dict[str, object]) -> None:
        lines = [FEEDS[feed](number) for number in range(rows)]
        total = str(10_000 * rows) if feed == "recharge" else ""
        day = self.day + timedelta(days=ahead)
        for ending in (".txt", ".txt.gz", ".chk"):
            _make_room(self.intake.root / feed / f"{feed}_{day:%Y%m%d}_{seq:04}{ending}")
        self.intake.deliver(feed, day, lines, seq=seq, gz=gz, **({"total": total} | lie))  # type: ignore[arg-type]

    @rule(pick=st.integers(0, 99), what=st.sampled_from(["cut", "add", "gone", "hidden", "folder", "link"]))
    def spoil(self, pick: int, what: str) -> None:
        files = self.files()
        if not files:
            return
        path = files[pick % len(files)]
        data = path.read_bytes()
        if what == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif what == "add":
            path.write_bytes(data + b"x\0\xff\n")
        elif what == "hidden":
            path.rename(path.with_name(f".{path.name}.part"))
        else:
            path.unlink()
            if what == "folder":
                path.mkdir()
            elif what == "link":
                path.symlink_to(self.folder.name)

    @rule(
        name=st.sampled_from(["README", "a\\b.chk", "a\\b.txt", "recharge_20260230_0001.txt", "\udcff.chk", "x\ny.txt"])
    )
    def leave_something(self, name: str) -> None:
        path = self.intake.root / "recharge" / name
        _make_room(path)
        path.write_bytes(b"x")

    @rule()
    def close_the_day(self) -> None:
        self.take()
        self.intake.release(self.day)
        self.day += timedelta(days=1)

    @rule()
    def take(self) -> None:
        self.intake.take(self.day)
        before = self.everything()
        assert self.intake.take(self.day).files == ()
        assert self.everything() == before
        self.every_row_is_accounted_for()
        self.nothing_is_silent()

    def everything(self) -> list[list[tuple[object, ...]]]:
        asks = ("raw.delivery", "raw.quarantined_row", "raw.waiting", "raw.recharge", "raw.subscriber")
        return [self.intake.run(f"select * from {table} order by 1, 2") for table in asks]

    def every_row_is_accounted_for(self) -> None:
        for feed in FEEDS:
            wrong = self.intake.run(
                f"select file_name, rows_loaded, count(line_no) from raw.delivery "
                f"left join raw.{feed} using (delivery_no) "
                "where feed = %s and (feed = 'recharge' or received_on = %s) "
                "group by delivery_no having count(line_no) <> rows_loaded "
                "or rows_received <> rows_loaded + rows_quarantined",
                feed,
                self.day,
            )
            assert wrong == []
        twice = (  # what came before is read again, but not after itself
            "select file_name from (select file_name, check_line, state, lag(row(file_name, check_line, state)) "
            "over (partition by feed, split_part(file_name, '.', 1) order by delivery_no) as before "
            "from raw.delivery) as one where state = 'LOADED' and row(file_name, check_line, state) = before"
        )
        assert self.intake.run(twice) == []

    def nothing_is_silent(self) -> None:
        received = {name for (name,) in self.intake.run("select file_name from raw.delivery")}
        waiting = {path for (path,) in self.intake.run("select path from raw.waiting")}
        tomorrow = f"{self.day + timedelta(days=1):%Y%m%d}"
        for path in self.intake.root.glob("*/*"):
            if path.name.startswith(".") or path.name.endswith(".part") or tomorrow in path.name:
                continue
            shown = f"in/{path.parent.name}/{path.name}"
            shown = shown if shown.isprintable() else ascii(shown)[1:-1]
            stem = path.name.partition(".")[0]
            pair = {f"{stem}.txt", f"{stem}.txt.gz", f"{stem}.chk"}
            told = {f"in/{path.parent.name}/{name}" for name in pair} | {shown}
            assert path.name in received or pair & received or told & waiting, f"{shown} is shown nowhere"
