"""The carrier and the clerk of a campaign story.

`Carrier` writes `in/` and `ack/` and reads `out/`, from `carrier-interface.md` alone: it shares no code with the
pipeline, so that a mistake in the pipeline's spelling is not repeated here. `Play` closes a story's days in order and
says, row by row, where what left the pipeline is not what the story's author wrote down.

The texts of a story are read like this:

- people: `S-OLD 01 activation_date=20100601`: subscriber_id, two digits that give city `10nn` and number
  `130000000nn`, and what differs from an ordinary, eligible subscriber;
- recharges: `R-1 S-OLD 20260131100000 20000 18800 APP` (face and paid amount in fen; a hall as `HALL:H-1`), and
  reversals: `V-1 S-OLD 20260201100000 reverses R-1 20000`;
- expected rows: the row as it stands in the file. Where the file has a key, the story has a name for it: the first
  row under a name must carry a key never seen before, every later one the same key. `*` fits anything.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import psycopg
import yaml

from laoyouhui.config.settings import Settings

HOME = Path(__file__).parents[2]
CAMPAIGN = "lyh2026"

INTERFACES: dict[str, list[str]] = {
    "eligibility": ["subscriber_id", "msisdn", "action", "effective_on", "reason"],
    "data_grant": ["grant_key", "subscriber_id", "msisdn", "product_code", "megabytes", "valid_from", "valid_to"],
    "credit": [
        "grant_key", "subscriber_id", "msisdn", "amount", "kind", "instalment_no", "instalments", "source_recharge_id",
    ],
    "sms": ["message_key", "msisdn", "template_code", "not_before", "not_after", "segments", "text"],
    "membership": ["grant_key", "subscriber_id", "msisdn", "action", "effective_on"],
    "trial_grant": ["grant_key", "subscriber_id", "msisdn", "trial_code", "valid_from"],
    "push": ["message_key", "subscriber_id", "template_code", "not_before", "not_after", "title", "text"],
    "family_link": ["grant_key", "subscriber_id", "msisdn", "family_msisdn", "action", "effective_at"],
    "device_decision": [
        "grant_key", "order_id", "subscriber_id", "decision", "entitled_price", "paid_price", "reason",
    ],
}  # fmt: skip
# what every story has; other sections of the terms stand in a story that says so
ALWAYS = {"effective_from", "intake", "watch", "eligibility", "data_gift", "recharge", "messages"}
CONTROL_COLUMN = {"recharge": 6, "expense": 3, "device_order": 7}  # what comes in: face_amount (fen), yuan the others

SUBSCRIBER = {  # an ordinary subscriber, who qualifies; the order is the feed's
    "subscriber_id": "", "msisdn": "", "customer_id": "", "city_code": "", "activation_date": "20100601", "status": "A",
    "status_date": "20200101", "segment": "CONSUMER", "card_role": "MAIN", "real_name": "Y", "port_in_date": "",
    "owner_since": "", "plan_code": "P1", "birth_year": "1970", "gender": "F", "sms_consent": "Y",
}  # fmt: skip

People = dict[str, dict[str, str]]
Row = list[str]
Lie = Literal["bytes", "rows", "sha256", "control_total"]


@dataclass(frozen=True)
class File:
    """One delivery: `rows` as lines; `date` and `seq` name it (`date` empty: the date that the day closes).

    `lie` makes one field of the check file wrong; `part` writes the data or the check file alone.
    """

    feed: str
    rows: Sequence[str | bytes]
    seq: int = 1
    date: str = ""
    gz: bool = False
    lie: Lie | None = None
    part: Literal["both", "data", "check"] = "both"


@dataclass(frozen=True)
class Answer:
    """The carrier's answer to the files of one interface and date.

    `refuse` names rows by the text of any one of their columns (a subscriber, a number, a recharge) and gives the code;
    `bad` refuses the whole file with a code.
    """

    refuse: Mapping[str, str] = field(default_factory=dict)
    bad: str = ""


RIGHT = Answer()
SILENT = None  # no answer
ANYTHING = "..."  # rows that this story does not look at
WHO, WHY = "张三", "已电话确认"  # who says the words of a story, and why
CONFIRMER = "李四"  # who confirms at once what needs two people


@dataclass(frozen=True)
class Fact:
    """What a query says after a day: rows as text, `|` between columns, any order. `{on}` is the day's date."""

    why: str
    sql: str
    rows: str


@dataclass(frozen=True)
class Day:
    """What arrives on a business date, what must leave in the run that closes it, and what the carrier answers then.

    `out` gives the rows of each interface (`credit@spring`: of a campaign beside); one that is not named leaves no
    file. `decided`: the recharges decided in this run. `answers` is about this run's files (an interface that is not
    named is answered RIGHT); `late` about those of earlier ones, by (interface, date), arriving before this run. `says`
    are words of WHO, confirmed at once by CONFIRMER, said before both: a command line (`--row` takes the story's name
    of a row) and why it must be refused, empty where it must stand. `proves` is the day's name in a test: a rule and
    what the day shows of it, `rules 4.8: a reversal frees the month's slot`, or `set-up: ...`; without it the date.
    """

    closes: str
    arrives: Sequence[File] = ()
    out: Mapping[str, str] = field(default_factory=dict)
    decided: str | None = None
    answers: Mapping[str, Answer | None] = field(default_factory=dict)
    late: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    facts: Sequence[Fact] = ()
    proves: str = ""

    def __str__(self) -> str:
        return self.proves or self.closes


@dataclass(frozen=True)
class Story:
    """One campaign file's changes (over `campaigns/lyh2026.yml`, deep), and its days in order.

    `beside`: the changes of other campaigns that run at once, by their ids.
    `silent`: interfaces that the carrier never answers; `aside`: interfaces that this story does not look at.
    """

    name: str
    campaign: Mapping[str, object]
    days: Sequence[Day]
    silent: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()
    beside: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def dates(self) -> list[str]:
        return [day.closes for day in self.days]


# --- the texts of a story --------------------------------------------------------------------------------------------


def people(text: str) -> People:
    """Subscribers from lines `id nn column=value ...` (see the module's text)."""
    found: People = {}
    for identity, number, *changes in (line.split() for line in _lines(text)):
        ordinary = {
            "subscriber_id": identity,
            "msisdn": f"130000000{number}",
            "customer_id": f"C{number}",
            "city_code": f"10{number}",
        }
        found[identity] = SUBSCRIBER | ordinary | _changes(identity, changes)
    return found


def but(before: People, text: str) -> People:
    """The same people with changes from lines `id column=value ...`; `id gone` leaves one out."""
    now = dict(before)
    for identity, *changes in (line.split() for line in _lines(text)):
        if changes == ["gone"]:
            del now[identity]
        else:
            now[identity] = now[identity] | _changes(identity, changes)
    return now


def subscribers(who: People, *, seq: int = 1, date: str = "", gz: bool = False, lie: Lie | None = None) -> File:
    """The `subscriber` delivery of these people."""
    return File("subscriber", ["|".join(one.values()) for one in who.values()], seq=seq, date=date, gz=gz, lie=lie)


def recharge_rows(text: str) -> list[str]:
    """Lines of the `recharge` feed from a story's lines. The phone number is left empty: it says nothing."""
    rows = []
    for words in (line.split() for line in _lines(text)):
        identity, subscriber, at = words[:3]
        if words[3] == "reverses":
            rows.append(f"{identity}|{subscriber}||{at}|REVERSAL|{words[4]}|{words[5]}|{words[5]}|APP||")
        else:
            channel, _, hall = words[5].partition(":")
            rows.append(f"{identity}|{subscriber}||{at}|RECHARGE||{words[3]}|{words[4]}|{channel}|{hall}|")
    return rows


def recharges(
    text: str, *, seq: int = 1, date: str = "", lie: Lie | None = None, part: Literal["both", "data", "check"] = "both"
) -> File:
    """A `recharge` delivery."""
    return File("recharge", recharge_rows(text), seq=seq, date=date, lie=lie, part=part)


def rows_of(text: str) -> list[Row]:
    """Expected rows: one a line, blank lines and lines of comment (`# ...`) left out."""
    return [line.split("|") for line in _lines(text)]


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = re.sub(r"\s+# .*$", "", line).strip()
        if bare and not bare.startswith("#"):
            yield bare


def _changes(identity: str, words: list[str]) -> dict[str, str]:
    changes = dict(word.split("=", 1) for word in words)
    unknown = changes.keys() - SUBSCRIBER.keys()
    assert not unknown, f"the story's subscriber {identity}: no such columns {sorted(unknown)}"
    return changes


# --- the carrier -----------------------------------------------------------------------------------------------------


class Carrier:
    """The other side of the exchange folder."""

    def __init__(self, exchange: Path) -> None:
        self.exchange = exchange
        for folder in ("in", "out", "ack"):
            (exchange / folder).mkdir(parents=True, exist_ok=True)

    def deliver(self, file: File, business_date: str) -> None:
        """Write a data file and its check file into `in/`, the check file last."""
        folder = self.exchange / "in" / file.feed
        folder.mkdir(exist_ok=True)
        stem = f"{file.feed}_{file.date or business_date}_{file.seq:04}"
        name = f"{stem}.txt.gz" if file.gz else f"{stem}.txt"
        lines = [row if isinstance(row, bytes) else row.encode("gb18030") for row in file.rows]
        content = b"".join(line + b"\n" for line in lines)
        if file.gz:
            content = gzip.compress(content, mtime=0)
        says = {
            "file": name,
            "bytes": str(len(content)),
            "rows": str(len(lines)),
            "sha256": hashlib.sha256(content).hexdigest(),
            "control_total": _control_total(file.feed, lines),
        }
        if file.lie == "sha256":
            says["sha256"] = hashlib.sha256(b"another file").hexdigest()
        elif file.lie:
            says[file.lie] = str(int(says[file.lie]) + 1)
        if file.part != "check":
            (folder / name).write_bytes(content)
        if file.part != "data":
            (folder / f"{stem}.chk").write_text("|".join(says.values()) + "\n", encoding="ascii")

    def sent(self, interface: str, business_date: str) -> list[tuple[str, list[Row]]]:
        """The files of one interface and date, as (stem, rows); names, order, check files and encoding are checked."""
        interface, _, beside = interface.partition("@")
        campaign = beside or CAMPAIGN
        folder = self.exchange / "out" / interface
        files: list[tuple[str, list[Row]]] = []
        for data in sorted(folder.glob(f"*_{campaign}_{business_date}_*.txt")):
            stem = f"{interface}_{campaign}_{business_date}_{len(files) + 1:04}"
            assert data.name == f"{stem}.txt", f"{data.name}: expected {stem}.txt (numbers without gaps, from 0001)"
            files.append((stem, _read(data, interface)))
        return files

    def answer(self, interface: str, business_date: str, answer: Answer) -> None:
        """Answer every file of one interface and date."""
        sent = self.sent(interface, business_date)
        interface = interface.partition("@")[0]
        for stem, rows in sent:
            key_column = INTERFACES[interface].index("subscriber_id" if interface == "eligibility" else _key(interface))
            refused = [
                f"{row[key_column]}|{code}|退回" for row in rows for text, code in answer.refuse.items() if text in row
            ]
            if answer.bad:
                lines = [f"{stem}.txt|BAD|0|{len(rows)}|{answer.bad}"]
            elif refused:
                lines = [f"{stem}.txt|SEMIWRONG|{len(rows) - len(refused)}|{len(refused)}", *refused]
            else:
                lines = [f"{stem}.txt|RIGHT|{len(rows)}|0"]
            folder = self.exchange / "ack" / interface
            folder.mkdir(exist_ok=True)
            (folder / f"{stem}.rsp").write_bytes("".join(f"{line}\n" for line in lines).encode("gb18030"))

    def out_bytes(self) -> dict[str, bytes]:
        """Every file under `out/`, by its path there."""
        out = self.exchange / "out"
        return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}

    def check_out(self) -> None:
        """Nothing but finished pairs lies in `out/`: no temporary name, no data without its check."""
        names = self.out_bytes().keys()
        form = re.compile(rf"(?P<i>{'|'.join(INTERFACES)})/(?P=i)_[a-z0-9]+_\d{{8}}_\d{{4}}\.(txt|chk)")
        strange = sorted(name for name in names if not form.fullmatch(name))
        assert not strange, f"out/ holds names that are not the interface's: {strange}"
        alone = sorted(
            name for name in names if {name[:-4] + ".txt", name[:-4] + ".chk"} - names
        )  # a pair is data and check
        assert not alone, f"out/ holds data or check files without the other: {alone}"


def _key(interface: str) -> str:
    return INTERFACES[interface][0]


def _control_total(feed: str, lines: Sequence[bytes]) -> str:
    column = CONTROL_COLUMN.get(feed)
    if column is None:
        return ""
    amounts = [line.decode("gb18030", errors="replace").split("|")[column] for line in lines]
    if feed == "recharge":
        return str(sum(int(amount) for amount in amounts))
    fen = sum(int(amount.replace(".", "") or 0) for amount in amounts)  # yuan with two decimals
    return f"{fen // 100}.{fen % 100:02}"


def _read(data: Path, interface: str) -> list[Row]:
    content = data.read_bytes()
    columns = INTERFACES[interface]
    assert content.endswith(b"\n"), f"{data.name}: expected every line to end in LF"
    assert b"\r" not in content, f"{data.name}: expected no CR"
    rows = [line.split("|") for line in content.decode("gb18030").split("\n")[:-1]]
    for number, row in enumerate(rows, start=1):
        assert len(row) == len(columns), f"{data.name} line {number}: {len(row)} fields, expected {len(columns)}: {row}"
    total = str(sum(int(row[3]) for row in rows)) if interface == "credit" else ""
    sha256 = hashlib.sha256(content).hexdigest()
    expected = f"{data.name}|{len(content)}|{len(rows)}|{sha256}|{total}"
    said = data.with_suffix(".chk").read_bytes().decode("ascii").removesuffix("\n")
    assert said == expected, f"{data.stem}.chk says\n  {said}\nexpected\n  {expected}"
    if interface == "eligibility":
        assert rows == sorted(rows, key=lambda row: row[0]), f"{data.name}: expected the order of subscriber_id"
        return rows
    keys = [row[0] for row in rows]
    assert len(set(keys)) == len(keys), f"{data.name}: a key stands twice"
    for key in keys:
        assert re.fullmatch("[0-9a-f]{32}", key), f"{data.name}: key {key!r}, expected 32 lower-case hex characters"
    if interface != "sms":  # the file for messages does not show whose they are
        who = columns.index("subscriber_id")
        when = columns.index("effective_at") if interface == "family_link" else 0
        in_order = sorted(rows, key=lambda row: (not row[who], row[who], row[when], row[0]))  # of nobody: at the end
        assert rows == in_order, f"{data.name}: expected subscriber_id, then {columns[when]}"
    return rows


# --- the clerk -------------------------------------------------------------------------------------------------------


class Play:
    """One story in one exchange and one warehouse. Days are closed in order, each once, as tests ask for them."""

    def __init__(self, story: Story, folder: Path, dsn: str) -> None:
        self.story = story
        self.carrier = Carrier(folder / "exchange")
        self.settings = settings(story, folder, dsn)
        self.names: dict[str, str] = {}  # key -> the story's name for it
        self._problems: list[list[str]] = []

    def check(self, day: Day) -> None:
        """Close the days up to this one and fail, with every difference, where this one went otherwise than written."""
        self.reach(day)
        problems = self._problems[self.story.days.index(day)]
        assert not problems, f"{self.story.name}, the run closing {day.closes}:\n" + "\n".join(problems)

    def reach(self, day: Day) -> None:
        """Close the days up to this one that are not closed yet."""
        while len(self._problems) <= self.story.days.index(day):
            done = len(self._problems)
            self._problems.append(
                [f"  the run closing {self.story.days[done].closes} did not end: see the first failure"]
            )
            self._problems[done] = self._close(self.story.days[done])

    def ledger(self) -> list[tuple[object, ...]]:
        """Every entry of the ledger, in the order of its key."""
        return self.query("select * from ledger.ledger_entries order by entry_key, changes_key, booked_on, amount_fen")

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query in the warehouse."""
        with psycopg.connect(self.settings.warehouse_dsn, options="-c timezone=Asia/Shanghai") as connection:
            return connection.execute(sql.encode()).fetchall()

    def _close(self, day: Day) -> list[str]:
        for file in day.arrives:
            self.carrier.deliver(file, day.closes)
        problems = self._say(day)
        for (interface, sent_on), late in day.late.items():
            self.carrier.answer(interface, sent_on, late)
        close(self.settings, day.closes)
        self.carrier.check_out()
        beside = [f"{interface}@{campaign}" for campaign in self.story.beside for interface in INTERFACES]
        for interface in (*INTERFACES, *beside):
            wanted = day.out.get(interface, "")
            rows = [row for _, rows in self.carrier.sent(interface, day.closes) for row in rows]
            if interface.partition("@")[0] not in self.story.aside and wanted != ANYTHING:
                problems += self._compare_file(interface, rows_of(wanted), rows)
            answer = day.answers.get(interface, SILENT if interface in self.story.silent else RIGHT)
            if answer is not SILENT:
                self.carrier.answer(interface, day.closes, answer)
        if day.decided is not None:
            problems += self._compare_fact(_decided(day.decided), day)
        for fact in day.facts:
            problems += self._compare_fact(fact, day)
        return problems

    def _say(self, day: Day) -> list[str]:
        from laoyouhui.pipeline.overrides import OverrideError, confirm, read_command, request_override

        keys = {name: key for key, name in self.names.items()}
        problems = []
        for number, (command, expected) in enumerate(day.says.items()):
            words = [keys.get(word, word) for word in command.split()]
            requested_at = datetime.strptime(f"{day.closes}09{number:02}+0800", "%Y%m%d%H%M%z")
            refused = ""
            try:
                said = read_command([*words, "--by", WHO, "--why", WHY], requested_at)
                name = request_override(self.settings, said)
                if said.needs_two:
                    confirm(self.settings, name, CONFIRMER, requested_at)
            except OverrideError as error:
                refused = str(error).partition(":")[0]
            if refused != expected:
                problems.append(f"  {command}: refused for {refused!r}, expected {expected!r}")
        return problems

    def _compare_file(self, interface: str, expected: list[Row], rows: list[Row]) -> list[str]:
        if interface.startswith("eligibility"):
            missing, surplus, _ = fit(expected, rows)
            return _differences(interface, missing, surplus)
        known = set(self.names.values())
        wanted = [[row[0] if row[0] in known or row[0] == "*" else "new key", *row[1:]] for row in expected]
        shown = [[self.names.get(row[0], "new key"), *row[1:]] for row in rows]
        missing, surplus, pairs = fit(wanted, shown)
        for wanted_at, row_at in pairs:
            if wanted[wanted_at][0] == "new key":
                self.names[rows[row_at][0]] = expected[wanted_at][0]
        return _differences(interface, missing, surplus)

    def _compare_fact(self, fact: Fact, day: Day) -> list[str]:
        on = f"date '{day.closes}'"
        rows = [[_text(value) for value in row] for row in self.query(fact.sql.replace("{on}", on))]
        missing, surplus, _ = fit(rows_of(fact.rows), rows)
        return _differences(fact.why, missing, surplus)


def settings(story: Story, folder: Path, dsn: str) -> Settings:
    """Settings of a pipeline process for this story, its campaign files written into the folder."""
    files = []
    for campaign_id, changes in {CAMPAIGN: story.campaign, **story.beside}.items():
        campaign = _merge(_shipped(), {"campaign": campaign_id, **changes})
        files.append(folder / f"{campaign_id}.yml")
        files[-1].write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), encoding="utf-8")
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return Settings(
        home=HOME, exchange=str(folder / "exchange"), campaign_files=tuple(files), work=work, warehouse_dsn=dsn
    )  # fmt: skip


def build(dsn: str, folder: Path) -> None:
    """Make every relation of the pipeline in an empty database: no campaign, no run, no row."""
    from laoyouhui.config.carrier import load_carrier
    from laoyouhui.pipeline.decide import build as build_models
    from laoyouhui.warehouse.connection import connect
    from laoyouhui.warehouse.prepare import prepare

    pipeline = Settings(home=HOME, exchange=str(folder), campaign_files=(), work=folder, warehouse_dsn=dsn)
    with connect(dsn, autocommit=True) as conn:
        prepare(conn, load_carrier(HOME / "carriers" / "china_unicom.yml"))
        build_models(pipeline, conn)


def close(pipeline: Settings, business_date: str) -> None:
    """Close one business date, without Airflow."""
    from laoyouhui.pipeline.close_day import close_day

    close_day(pipeline, datetime.strptime(business_date, "%Y%m%d").date())  # noqa: DTZ007 - a date has no zone


def terms(starts_on: str, ends_on: str, *versions: Mapping[str, object]) -> dict[str, object]:
    """The changes of a campaign file: its window, its first version's terms, later ones with `effective_from`."""
    first: dict[str, object] = {"effective_from": date.fromisoformat(starts_on)}
    base = _shipped()["terms"][0]
    head, *later = versions or ({},)
    return {
        "starts_on": date.fromisoformat(starts_on),
        "ends_on": date.fromisoformat(ends_on),
        "terms": [_merge(base, {**head, **first}), *(dict(version) for version in later)],
        "budget": [{"line": "B1", "month": starts_on[:7], "plan_fen": 1000000}],
    }


def _shipped() -> Any:
    """The campaign file as shipped, but for what a story says itself: control group, announcements, other benefits."""
    campaign = yaml.safe_load((HOME / "campaigns" / f"{CAMPAIGN}.yml").read_text(encoding="utf-8"))
    campaign["control_group"]["share_bp"] = 0
    shipped = campaign["terms"][0]
    campaign["terms"][0] = {name: section for name, section in shipped.items() if name in ALWAYS}
    messages = campaign["terms"][0]["messages"]
    messages["templates"] = [each for each in messages["templates"] if each["event"] in {"data_gift", "instalment"}]
    return campaign


def costs(line: str, why: str, rows: str) -> Fact:
    """What one budget line has committed and actual, over all months: `committed|actual` in fen."""
    sql = "select sum(committed_fen), sum(actual_fen) from marts.budget_by_line_month where budget_line = "
    return Fact(f"budget of {line}: {why}", f"{sql}'{line}'", rows)


def excepted(why: str, asked: str, found: str) -> Fact:
    """Which of the subscribers asked for (parted by blanks) stand in the exceptions for people."""
    names = ", ".join(f"'{name}'" for name in asked.split())
    sql = f"select distinct subscriber_id from marts.exceptions where subscriber_id in ({names})"
    return Fact(f"exceptions: {why}", sql, found.replace(" ", "\n"))


def fit(expected: list[Row], actual: list[Row]) -> tuple[list[Row], list[Row], list[tuple[int, int]]]:
    """Pair rows one to one, `*` fitting any text: (expected ones left over, actual ones left over, pairs)."""
    free = list(range(len(actual)))
    missing, pairs = [], []
    for at in sorted(range(len(expected)), key=lambda at: expected[at].count("*")):
        wanted = expected[at]
        partner = next((one for one in free if _fits(wanted, actual[one])), None)
        if partner is None:
            missing.append(wanted)
        else:
            free.remove(partner)
            pairs.append((at, partner))
    return missing, [actual[one] for one in free], pairs


def again(story: Story, dsn: str, played: Play, folder: Path) -> Play:
    """The story's dates closed anew, in another folder and a warehouse without a row, from what a play left but `out/`.

    dbt has built that warehouse before, as a rule: test_recharges.py begins from a database in which nothing stands.
    """
    anew = Play(replace(story, name=f"{story.name}, rebuilt"), folder, dsn)
    for source, target in (
        *((played.carrier.exchange / name, anew.carrier.exchange / name) for name in ("in", "ack")),
        (played.settings.journal, anew.settings.journal),
    ):
        if source.exists():
            shutil.copytree(source, target, dirs_exist_ok=True)
    for business_date in story.dates():
        close(anew.settings, business_date)
    return anew


def _fits(wanted: Row, row: Row) -> bool:
    return len(wanted) == len(row) and all(cell in {"*", text} for cell, text in zip(wanted, row, strict=True))


def _differences(what: str, missing: list[Row], surplus: list[Row]) -> list[str]:
    if not missing and not surplus:
        return []
    marked = [(row[1:2], "- expected", row) for row in missing] + [(row[1:2], "+ found   ", row) for row in surplus]
    return [f"  {what}:", *(f"    {mark}  {'|'.join(row)}" for _, mark, row in sorted(marked))]


def _decided(rows: str) -> Fact:
    return Fact(
        "recharges decided in this run (recharge|reason|not eligible because|discount check|entitled fen|applied fen)",
        "select recharge_id, reason, not_eligible_reason, discount_check, entitled_fen, applied_fen"
        " from ledger.recharge_decisions where decided_on = {on}",
        rows,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _merge(base: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for name, change in changes.items():
        before = merged.get(name)
        merged[name] = _merge(before, change) if isinstance(before, dict) and isinstance(change, Mapping) else change
    return merged
