"""Days of a running campaign in which the carrier delivers any rows that its profile lets through, in any disorder.

What passes intake is borne by every later step (rules, 12): each day closes, releases, delivers; report and archive can
be written. One campaign with every benefit, one warehouse, day after day. Beside the files of the day come late ones,
corrections, ids that are known with other content, bad rows; people are missing in snapshots, files are missing;
deliveries are withdrawn, files asked for again or given up; answers are late, twice, contradict each other or are none.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import yaml
from hypothesis import strategies as st
from tests.campaign.harness import HOME, Carrier, close
from tests.fuzz.rows import rows, some, values

from laoyouhui.config.carrier import Feed, load_carrier
from laoyouhui.config.settings import Settings

PROFILE = load_carrier(HOME / "carriers" / "china_unicom.yml")
_LOOKS_LIKE_A_NUMBER, _LONGEST = "13812345678", "Z" * 64
_WHO = [*(f"S-{number:02}" for number in range(1, 38)), _LOOKS_LIKE_A_NUMBER, _LONGEST, "-1"]
_NUMBERS = [f"130000000{number:02}" for number in range(1, 31)]
_MOST_ROWS = 30  # fewer than tell the unit of a file's amounts, or that a snapshot was cut short
_LATEST_DAYS = 3
_BAD = (b"\xff\xff", b"", b"a|b", b"\0")  # without an amount: the control total is then not proved


@dataclass(frozen=True)
class _Delivered:
    """What a file of `in/` holds."""

    feed: str
    rows: int
    bad: int


class Days:
    """One campaign from its eve on; `play` closes the next day with what it draws."""

    def __init__(self, folder: Path, dsn: str) -> None:
        folder.mkdir(exist_ok=True)
        self.carrier = Carrier(folder / "exchange")
        campaign = yaml.safe_load((HOME / "campaigns" / "lyh2026.yml").read_text(encoding="utf-8"))
        campaign["terms"][0]["intake"]["bad_rows_limit_bp"] = 5000
        campaign["control_group"]["share_bp"] = 1500
        file = folder / "lyh2026.yml"
        file.write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), encoding="utf-8")
        (folder / "work").mkdir()
        self.settings = Settings(
            home=HOME,
            exchange=str(folder / "exchange"),
            campaign_files=(file,),
            work=folder / "work",
            warehouse_dsn=dsn,
        )
        self.day = date(2026, 1, 25)
        self._delivered: dict[str, _Delivered] = {}  # by the file's name
        self._number = 100  # of the last id that is told apart
        self._keys_of: dict[str, list[list[str]]] = {}  # rows that came, by feed: their ids may come again
        self._answers: dict[tuple[str, str], list[bytes]] = {}  # each content, by interface and stem
        self.said: Counter[str] = Counter()  # what people said, and why it was refused

    def play(self, draw: random.Random) -> None:
        """Deliver, close and answer one day."""
        closes, self.day = self.day, self.day + timedelta(days=1)
        first = not self._delivered
        for name in PROFILE.feeds:
            if first or draw.random() < 0.9:
                self._deliver(name, closes, draw)
            if not first and draw.random() < 0.15:
                self._deliver(name, closes - timedelta(days=draw.randint(0, _LATEST_DAYS)), draw)
        self._answer_late(draw)
        if not first:
            self._begin(closes, draw)
            self._say(closes, draw)
        close(self.settings, f"{closes:%Y%m%d}")
        self.carrier.check_out()
        self._check_that_nothing_was_dropped(closes)
        self._answer(closes, draw)

    def rebuilt(self, folder: Path, dsn: str) -> Days:
        """The same dates closed anew in an empty warehouse, from what came and what people said, but for `out/`.

        Of an answer that was written over, the content that was ingested is laid there.
        """
        anew = Days(folder, dsn)
        shutil.copytree(self.carrier.exchange / "in", anew.carrier.exchange / "in", dirs_exist_ok=True)
        shutil.copytree(self.settings.journal, anew.settings.journal)
        stands = {
            (stem, sha256)
            for stem, sha256 in self.query("select file_stem, sha256 from raw.answer where reason is null")
        }
        for (interface, stem), contents in self._answers.items():
            kept = [each for each in contents if (stem, hashlib.sha256(each).hexdigest()) in stands]
            anew._lay_answer(interface, stem, (kept or contents)[-1])
        while anew.day < self.day:
            close(anew.settings, f"{anew.day:%Y%m%d}")
            anew.day += timedelta(days=1)
        return anew

    def write(self) -> None:
        """Write the report and the archive."""
        from laoyouhui.reports.archive import archive
        from laoyouhui.reports.report import report

        assert report(self.settings)
        assert archive(self.settings)

    def _keys(self) -> list[str]:
        found = [path.read_bytes().decode("gb18030") for path in self.carrier.exchange.glob("out/sms/*.txt")]
        return re.findall("^[0-9a-f]{32}", "".join(found), re.MULTILINE)[-40:] or ["0" * 32]

    def _deliver(self, name: str, of: date, draw: random.Random) -> None:
        """Deliver a file of a day: the day's own, a late one, or a correction."""
        feed = PROFILE.feeds[name]
        drawn = rows(feed, PROFILE.files, of, _known(name, self._keys(), self._number) | _usual(feed, of))
        number = len(_WHO) if name == "subscriber" else draw.choice((0, 1, 5, _MOST_ROWS, _MOST_ROWS))
        lines = some(drawn, number, draw) if number else []
        if name == "subscriber":
            lines = [[who, *line[1:]] for who, line in zip(_WHO, lines, strict=False)]
            lines = [_ordinary(line) if draw.random() < 0.7 else line for line in lines]
            if self._delivered and draw.random() < 0.2:
                lines = draw.sample(lines, draw.randint(0, len(lines)))
        elif feed.kind == "events":
            self._tell_apart(feed, lines, draw)
            if lines and of == self.day - timedelta(days=1):
                lines += self._known_again(name, feed, lines, draw)
        spelled = ["|".join(line).encode("gb18030") for line in lines]
        bad = draw.randint(0, len(spelled) // 3) if draw.random() < 0.2 else 0
        content = [*spelled, *(draw.choice(_BAD) for _ in range(bad))]
        draw.shuffle(content)
        self._write(name, feed, of, content, spelled, bad)

    def _tell_apart(self, feed: Feed, lines: list[list[str]], draw: random.Random) -> None:
        """Give most rows an id of their own, and most payments an order of their own: else all would be conflicts."""
        columns = [column.name for column in feed.columns]
        own = {*feed.key, "order_id"} & {column.name for column in feed.columns if column.type == "id"}
        for line in lines:
            self._number += 1
            for column in sorted(own):
                if draw.random() < 0.8 and (column != "order_id" or "PAID" in line):
                    line[columns.index(column)] = f"{column[:1].upper()}-{self._number}"

    def _known_again(self, name: str, feed: Feed, lines: list[list[str]], draw: random.Random) -> list[list[str]]:
        """Rows under ids that have come before, or come in this file, with the content of others."""
        known = self._keys_of.setdefault(name, [])
        known += lines
        at = [number for number, column in enumerate(feed.columns) if column.name in feed.key]
        again = []
        for line in draw.sample(lines, min(len(lines), draw.randint(0, 3))):
            old, copy = draw.choice(known), list(line)
            for number in at:
                copy[number] = old[number]
            again.append(copy)
        return again

    def _write(self, name: str, feed: Feed, of: date, content: list[bytes], good: list[bytes], bad: int) -> None:
        folder = self.carrier.exchange / "in" / name
        folder.mkdir(exist_ok=True)
        seq = len(list(folder.glob(f"{name}_{of:%Y%m%d}_*.txt"))) + 1
        stem = f"{name}_{of:%Y%m%d}_{seq:04}"
        data = b"".join(line + b"\n" for line in content)
        total = ""
        if feed.control:
            at = [column.name for column in feed.columns].index(feed.control)
            amounts = [line.decode("gb18030").split("|")[at] for line in good]
            fen = sum(int(amount.replace(".", "") or 0) for amount in amounts)
            is_yuan = feed.columns[at].type == "yuan"
            total = f"{'-' * (fen < 0)}{abs(fen) // 100}.{abs(fen) % 100:02}" if is_yuan else str(fen)
        (folder / f"{stem}.txt").write_bytes(data)
        said = f"{stem}.txt|{len(data)}|{len(content)}|{hashlib.sha256(data).hexdigest()}|{total}\n"
        (folder / f"{stem}.chk").write_text(said, encoding="ascii")
        self._delivered[f"{stem}.txt"] = _Delivered(name, len(content), bad)

    # --- people ---

    def _begin(self, closes: date, draw: random.Random) -> None:
        """Sometimes the attempt is ingested, or decided, before people say a word: then it begins again."""
        from laoyouhui.pipeline.decide import decide
        from laoyouhui.pipeline.ingest import ingest

        steps = draw.choice(([], [], [], [ingest], [ingest, decide]))
        for step in steps:
            step(self.settings, closes)

    def _say(self, closes: date, draw: random.Random) -> None:
        """Withdraw deliveries, choose rows in conflict, ask for files again, give them up: what is refused, is."""
        asked = []
        if draw.random() < 0.4:
            for _ in range(draw.randint(1, 3)):
                file = draw.choice(list(self._delivered))
                asked.append(["withdraw", self._delivered[file].feed, file])
        asked += self._choices(draw)
        sent = [path.stem for path in self.carrier.exchange.glob("out/*/*.txt")]
        for _ in range(draw.randint(0, 2) if sent else 0):
            asked.append([draw.choice(("ask-again", "give-up")), draw.choice(sent)])
        at = datetime.combine(closes + timedelta(days=1), time(1), ZoneInfo("Asia/Shanghai"))
        for words in asked:
            self._ask(words, at)

    def _ask(self, words: list[str], at: datetime) -> None:
        from laoyouhui.pipeline.overrides import OverrideError, confirm, read_command, request_override

        try:
            said = read_command([*words, "--by", "张三", "--why", "试"], at)
            name = request_override(self.settings, said)
            if said.needs_two:
                confirm(self.settings, name, "李四", at)
        except OverrideError as error:
            self.said[f"{words[0]} {str(error).partition(':')[0]}"] += 1
        else:
            self.said[words[0]] += 1

    def _choices(self, draw: random.Random) -> list[list[str]]:
        conflicts = self.query(
            "select item_key, source_file, source_line::text from marts.exceptions "
            "where exception_type = 'RECHARGE_CONFLICT' and source_line is not null order by 1, 2, 3"
        )
        return [["choose", *map(str, each)] for each in draw.sample(conflicts, min(2, len(conflicts)))]

    # --- the carrier's answers ---

    def _answer(self, closes: date, draw: random.Random) -> None:
        """Accept most files, refuse some rows of others, leave some without an answer; some answers make no sense."""
        for data in sorted(self.carrier.exchange.glob(f"out/*/*_{closes:%Y%m%d}_*.txt")):
            self._answer_file(data, draw)
        if draw.random() < 0.3:  # to a file that has not left
            lines = [f"credit_lyh2026_{self.day:%Y%m%d}_0001.txt|RIGHT|1|0"]
            self._write_answer("credit", lines[0].partition(".")[0], lines)

    def _answer_late(self, draw: random.Random) -> None:
        """Answer files of any earlier date, also those that are answered already: mostly otherwise."""
        sent = sorted(self.carrier.exchange.glob("out/*/*.txt"))
        for data in draw.sample(sent, min(len(sent), draw.randint(0, 3))):
            self._answer_file(data, draw)

    def _answer_file(self, data: Path, draw: random.Random) -> None:
        keys = [line.split("|")[0] for line in data.read_bytes().decode("gb18030").split("\n")[:-1]]
        one, half = draw.choice(keys), draw.sample(keys, (len(keys) + 1) // 2)
        codes = [draw.choice(list(PROFILE.answer_codes)) for _ in keys]
        refused = [f"{key}|{code}|退回" for key, code in zip(half, codes, strict=False)]
        name, rows_of_it = data.name, len(keys)
        lines = draw.choice(
            (
                [],
                [f"{name}|SEMIWRONG|{rows_of_it - 1}|1", f"{one}|{codes[0]}|退回"],
                [f"{name}|SEMIWRONG|{rows_of_it - len(half)}|{len(half)}", *refused],
                [f"{name}|BAD|0|{rows_of_it}|90"],
                [f"{name}|BAD|0|0|30"],
                *[[f"{name}|RIGHT|{rows_of_it}|0"]] * 6,
                draw.choice(
                    (
                        [f"{name}|RIGHT|0|0"],
                        [f"{name}|RIGHT|{rows_of_it + 1}|0"],
                        [f"{name}|SEMIWRONG|{rows_of_it - 1}|1", f"{'0' * 32}|10|"],
                        [f"{name}|SEMIWRONG|{rows_of_it - 1}|1", f"{one}|77|"],
                        [f"{name}|SEMIWRONG|{rows_of_it}|2", f"{one}|10|", f"{one}|11|"],
                        [f"{name}|SEMIWRONG|{rows_of_it - 1}|1"],
                        ["\0"],
                        [],
                    )
                ),
            )
        )
        if lines:
            self._write_answer(data.parent.name, data.stem, lines)

    def _write_answer(self, interface: str, stem: str, lines: list[str]) -> None:
        content = "".join(f"{line}\n" for line in lines).encode("gb18030")
        self._answers.setdefault((interface, stem), []).append(content)
        self._lay_answer(interface, stem, content)

    def _lay_answer(self, interface: str, stem: str, content: bytes) -> None:
        folder = self.carrier.exchange / "ack" / interface
        folder.mkdir(exist_ok=True)
        (folder / f"{stem}.rsp").write_bytes(content)

    # --- what must hold ---

    def _check_that_nothing_was_dropped(self, closes: date) -> None:
        """Each file and answer stands where people see it, each row is loaded or quarantined, and the date is out."""
        wrong = [
            (name, reason, detail, loaded, aside)
            for name, received, loaded, aside, reason, detail in self.query(
                "select file_name, rows_received, rows_loaded, rows_quarantined, reason, detail from raw.delivery"
            )
            if (received, aside) != (self._delivered[name].rows, self._delivered[name].bad)
            or received != loaded + aside
            or (reason is not None and (reason, received) != ("EMPTY", 0))
        ]
        assert wrong == []
        taken = {name for (name,) in self.query("select file_name from raw.delivery")}
        assert self._delivered.keys() == taken
        answered = {stem for (stem,) in self.query("select file_stem from raw.answer")}
        lies = {path.stem for path in self.carrier.exchange.glob("ack/*/*.rsp")}
        ours = f"_{closes:%Y%m%d}_"  # answers to files of this date are the next run's
        assert {stem for stem in lies - answered if ours not in stem} == set()
        assert self.query(f"select delivered_at is not null from raw.run where business_date = '{closes}'") == [(True,)]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query in the warehouse."""
        with psycopg.connect(self.settings.warehouse_dsn) as connection:
            return connection.execute(sql.encode()).fetchall()


def _ordinary(line: list[str]) -> list[str]:
    """The same subscriber as one who qualifies."""
    number = _WHO.index(line[0]) % len(_NUMBERS)
    return [line[0], _NUMBERS[number], f"C{number}", "010", "20100601", "A", line[6], "CONSUMER", "MAIN", "Y", "", "",
            *line[12:15], "Y"]  # fmt: skip


def _usual(feed: Feed, of: date) -> dict[str, st.SearchStrategy[str]]:
    """What mostly stands where most of what is possible earns nothing: the day itself, amounts of the tiers."""
    amounts = {"face_amount": [10000, 20000, 30000], "paid_amount": [9500, 18800, 19000, 28000, 29500]}
    found: dict[str, st.SearchStrategy[str]] = {}
    for column in feed.columns:
        any_value = values(column, feed, PROFILE.files, of)
        if column.name in amounts:
            usual = st.sampled_from(amounts[column.name]).map(str)
        elif column.name == "channel" and "APP" in column.codes:
            usual = st.just("APP")
        elif column.type == "timestamp" and column.required:
            usual = st.times().map(lambda at: f"{of:%Y%m%d}{at:%H%M%S}")
        else:
            continue
        found[column.name] = st.one_of(usual, usual, usual, any_value)
    return found


def _known(feed: str, message_keys: list[str], last: int) -> dict[str, st.SearchStrategy[str]]:
    """Columns that name what other rows hold: else nothing would ever meet."""
    odd = [_LOOKS_LIKE_A_NUMBER, _LONGEST]

    def recent(letter: str) -> list[str]:
        return [f"{letter}-{number}" for number in range(max(last - 600, 0), last)]

    few = {
        "subscriber_id": [*_WHO, "S-NOBODY"],
        "customer_id": [f"C{number}" for number in range(8)],
        "msisdn": _NUMBERS,
        "family_msisdn": _NUMBERS,
        "recharge_id": [*(f"R-{number}" for number in range(60)), *odd],
        "reverses_id": ["", *(f"R-{number}" for number in range(60)), *recent("R"), *odd],
        "hall_code": ["", "H1", "H2", "ALL", "STORE", *odd] if feed != "hall" else ["H1", "H2", "ALL", *odd],
        "staff_id": ["", "T1", "T2", "ALL", *odd] if feed != "training" else ["T1", "T2", "ALL", *odd],
        "order_id": [*(f"O-{number}" for number in range(20)), *recent("O"), *odd],
        "sku": ["K1", "K2", "K3", *odd],
        "trial_code": ["CLOUD", "CLOUD", "CLOUD", "VRING", "OTHER", *odd],
        "ticket_id": [*(f"T-{number}" for number in range(20)), *odd],
        "benefit": ["", "RECHARGE", "DATA_GIFT", "ALL", "OTHER", *odd],
        "message_key": message_keys,
        "topic": ["老友惠", "<b>&'\"", "=1+1", "ALL", _LOOKS_LIKE_A_NUMBER],
        "item": ["CUP", "POSTER", "ALL", *odd],
        "course": ["C1", "ALL", *odd],
        "system": ["BILLING", "ALL", *odd],
    }
    return {
        name: st.sampled_from(words) for name, words in few.items() if feed != "subscriber" or name != "subscriber_id"
    }
