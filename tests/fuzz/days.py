"""Days of a running campaign in which the carrier delivers any rows that its profile lets through.

What passes intake is borne by every later step (rules, 12): each day closes, releases, delivers; report and archive can
be written. One campaign with every benefit, one warehouse, day after day.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import psycopg
from hypothesis import strategies as st
from tests.campaign.harness import HOME, Carrier, close
from tests.fuzz.rows import rows, some

from laoyouhui.config.carrier import Feed, load_carrier
from laoyouhui.config.settings import Settings

PROFILE = load_carrier(HOME / "carriers" / "china_unicom.yml")
_WHO = [f"S-{number:02}" for number in range(1, 41)]
_NUMBERS = [f"130000000{number:02}" for number in range(1, 31)]
_MOST_ROWS = 40  # fewer than tell the unit of a file's amounts


class Days:
    """One campaign from its eve on; `play` closes the next day with what it draws."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.carrier = Carrier(folder / "exchange")
        campaign = folder / "lyh2026.yml"
        shutil.copyfile(HOME / "campaigns" / "lyh2026.yml", campaign)
        (folder / "work").mkdir()
        self.settings = Settings(
            home=HOME,
            exchange=str(folder / "exchange"),
            campaign_files=(campaign,),
            work=folder / "work",
            warehouse_dsn=dsn,
        )
        self.day = date(2026, 1, 25)

    def play(self, draw: random.Random) -> None:
        """Deliver, close and answer one day."""
        closes, self.day = self.day, self.day + timedelta(days=1)
        for name, feed in PROFILE.feeds.items():
            drawn = rows(feed, PROFILE.files, closes, _known(name, self._keys()))
            number = len(_WHO) if name == "subscriber" else draw.choice((0, 1, 5, _MOST_ROWS))
            lines = some(drawn, number, draw) if number else []
            if name == "subscriber":  # nobody is left out, or the gate would ask where so many have gone
                lines = [[who, *line[1:]] for who, line in zip(_WHO, lines, strict=False)]
                lines = [_ordinary(line) if draw.random() < 0.7 else line for line in lines]
            self._deliver(name, feed, closes, ["|".join(line) for line in lines])
        close(self.settings, f"{closes:%Y%m%d}")
        self.carrier.check_out()
        self._check_that_all_was_loaded(closes)
        self._answer(closes, draw)

    def write(self) -> None:
        """Write the report and the archive."""
        from laoyouhui.reports.archive import archive
        from laoyouhui.reports.report import report

        assert report(self.settings)
        assert archive(self.settings)

    def _keys(self) -> list[str]:
        found = [path.read_bytes().decode("gb18030") for path in self.carrier.exchange.glob("out/sms/*.txt")]
        return re.findall("^[0-9a-f]{32}", "".join(found), re.MULTILINE)[-40:] or ["0" * 32]

    def _deliver(self, name: str, feed: Feed, closes: date, lines: list[str]) -> None:
        folder = self.carrier.exchange / "in" / name
        folder.mkdir(exist_ok=True)
        content = "".join(f"{line}\n" for line in lines).encode("gb18030")
        stem = f"{name}_{closes:%Y%m%d}_0001"
        total = ""
        if feed.control:
            at = [column.name for column in feed.columns].index(feed.control)
            amounts = [line.split("|")[at] for line in lines]
            fen = sum(int(amount.replace(".", "") or 0) for amount in amounts)
            is_yuan = feed.columns[at].type == "yuan"
            total = f"{'-' * (fen < 0)}{abs(fen) // 100}.{abs(fen) % 100:02}" if is_yuan else str(fen)
        (folder / f"{stem}.txt").write_bytes(content)
        said = f"{stem}.txt|{len(content)}|{len(lines)}|{hashlib.sha256(content).hexdigest()}|{total}\n"
        (folder / f"{stem}.chk").write_text(said, encoding="ascii")

    def _check_that_all_was_loaded(self, closes: date) -> None:
        with psycopg.connect(self.settings.warehouse_dsn) as connection:
            found = connection.execute(
                "select file_name, reason, detail, rows_set_aside from raw.delivery "
                "where received_on = %s and (reason is not null or rows_set_aside > 0)",
                (closes,),
            ).fetchall()
            released = connection.execute("select delivered_at from raw.run where business_date = %s", (closes,))
            assert found == []
            assert released.fetchone() not in {None, (None,)}

    def _answer(self, closes: date, draw: random.Random) -> None:
        """Accept most files, refuse some rows of others, leave some without an answer."""
        for data in sorted(self.carrier.exchange.glob(f"out/*/*_{closes:%Y%m%d}_*.txt")):
            keys = [line.split("|")[0] for line in data.read_bytes().decode("gb18030").split("\n")[:-1]]
            refused = f"{draw.choice(keys)}|{draw.choice(list(PROFILE.answer_codes))}|退回"
            lines = draw.choice(
                (
                    [],
                    [f"{data.name}|SEMIWRONG|{len(keys) - 1}|1", refused],
                    [f"{data.name}|BAD|0|{len(keys)}|90"],
                    *[[f"{data.name}|RIGHT|{len(keys)}|0"]] * 4,
                )
            )
            if lines:
                folder = self.carrier.exchange / "ack" / data.parent.name
                folder.mkdir(exist_ok=True)
                (folder / f"{data.stem}.rsp").write_bytes("".join(f"{line}\n" for line in lines).encode("gb18030"))


def _ordinary(line: list[str]) -> list[str]:
    """The same subscriber as one who qualifies."""
    number = _WHO.index(line[0]) % len(_NUMBERS)
    return [line[0], _NUMBERS[number], f"C{number}", "010", "20100601", "A", line[6], "CONSUMER", "MAIN", "Y", "", "",
            *line[12:15], "Y"]  # fmt: skip


def _known(feed: str, message_keys: list[str]) -> dict[str, st.SearchStrategy[str]]:
    """Columns that name what other rows hold: else nothing would ever meet."""
    few = {
        "subscriber_id": _WHO,
        "customer_id": [f"C{number}" for number in range(8)],
        "msisdn": _NUMBERS,
        "family_msisdn": _NUMBERS,
        "recharge_id": [f"R-{number}" for number in range(60)],
        "reverses_id": ["", *(f"R-{number}" for number in range(60))],
        "hall_code": ["", "H1", "H2", "ALL", "STORE"] if feed != "hall" else ["H1", "H2", "ALL"],
        "staff_id": ["", "T1", "T2", "ALL"] if feed != "training" else ["T1", "T2", "ALL"],
        "order_id": [f"O-{number}" for number in range(20)],
        "sku": ["K1", "K2", "K3"],
        "trial_code": ["CLOUD", "VRING", "OTHER"],
        "ticket_id": [f"T-{number}" for number in range(20)],
        "benefit": ["", "RECHARGE", "DATA_GIFT", "ALL", "OTHER"],
        "message_key": message_keys,
        "topic": ["老友惠", "<b>&'\"", "=1+1", "ALL"],
        "item": ["CUP", "POSTER", "ALL"],
        "course": ["C1", "ALL"],
        "system": ["BILLING", "ALL"],
    }
    return {
        name: st.sampled_from(words) for name, words in few.items() if feed != "subscriber" or name != "subscriber_id"
    }
