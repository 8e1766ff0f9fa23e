"""Rules 14.2: a code leaves in its owner's SMS alone, a phone number in no mart, alert or log, whatever is tried.

Whoever writes the carrier's files knows how the pipeline names another's code (its reference, read here from the
warehouse itself, which shows it to no dealer), and puts that, braces around it, and phone numbers into every column of
every feed that can hold text. The whole story is played with the umask 000: what is written is ours alone (C5).
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from tests.campaign.harness import CAMPAIGN, HOME, File, Play, Story, close, people, subscribers, terms

from laoyouhui.pipeline.watch import step_failed, watch
from laoyouhui.reports.archive import archive
from laoyouhui.reports.report import report

A_CODE, B_CODE, TWICE = "TXAAAA1111222233", "TXBBBB4444555566", "TXTWICE777788889"
CODES = (A_CODE, B_CODE, TWICE)
NUMBER = "13000000077"  # of nobody in the story
SHOWN = re.compile(rb"(?<![0-9A-Za-z])1[0-9]{10}(?![0-9A-Za-z])")
W = people("\n".join(f"S-{letter} 0{nth}" for nth, letter in enumerate("ABCDEFG", start=1)))
EVE, FIRST, DUE, TOLD = "20260125", "20260126", "20260204", "20260205"

_TEMPLATES = [
    {
        "code": "CARD",
        "class": "service",
        "event": "card_code",
        "text": "【中国联通】码：{code}，{expires_on}前有效",
    },
    {"code": "PAID", "class": "service", "event": "instalment", "text": "【中国联通】充值{recharge_id}返{yuan}元"},
]
_SECTIONS = ("membership", "cards", "trials", "service", "publicity", "devices", "family_numbers", "recognition")


def _story() -> Story:
    shipped = yaml.safe_load((HOME / "campaigns" / f"{CAMPAIGN}.yml").read_text("utf-8"))["terms"][0]
    sections = {name: shipped[name] for name in _SECTIONS}
    return Story(
        "codes and numbers",
        terms("2026-01-26", "2026-04-30", {
            **sections,
            "intake": {"bad_rows_limit_bp": 9900},
            "data_gift": None,
            "messages": {"templates": _TEMPLATES},
        }),
        [],
    )  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Iterator[Play]:
    """The eve: codes come, of which one twice, for two platforms."""
    before = os.umask(0)
    play = new_play(_story())
    play.carrier.deliver(subscribers(W), EVE)
    play.carrier.deliver(File("card_stock", [
        f"{A_CODE}|TENCENT|20260120|20260331|15.00",
        f"{B_CODE}|TENCENT|20260120|20260630|15.00",
        f"{TWICE}|IQIYI|20260120|20260630|15.00",
        f"{TWICE}|YOUKU|20260120|20260630|15.00",
    ]), EVE)  # fmt: skip
    play.carrier.deliver(File("hall", [f"H-1|营业厅 {NUMBER} {{code}}|1001|20260101|"]), EVE)
    play.carrier.deliver(File("device_catalogue", [f"SKU-1|{{code}}|型号{NUMBER}|999.00|20260101|"]), EVE)
    close(play.settings, EVE)
    yield play
    os.umask(before)


class Played:
    """What the log said while the story went on, and what was told of a step that failed."""

    log = ""


@pytest.fixture(scope="module")
def played(play: Play) -> Played:
    played, lines = Played(), list[str]()

    class _Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keep = _Keep(logging.DEBUG)
    logging.getLogger().addHandler(keep)
    try:
        reference = str(play.query(f"select reference from vault.secret where secret = '{A_CODE}'")[0][0])
        for file in _files(reference):
            play.carrier.deliver(file, FIRST)
        close(play.settings, FIRST)
        for day in (DUE, TOLD):
            play.carrier.deliver(subscribers(W), day)
            _answer_all(play, FIRST if day == DUE else DUE)
            close(play.settings, day)
        failure = f'duplicate key\nDETAIL: Failing row contains (S-A, {NUMBER}, "{NUMBER}").'
        step_failed(play.settings, date(2026, 2, 5), "release", failure)
        watch(play.settings, as_of=datetime(2026, 2, 6, 2, tzinfo=UTC))
        report(play.settings)
        archive(play.settings)
    finally:
        logging.getLogger().removeHandler(keep)
    played.log = "\n".join(lines)
    return played


def _files(reference: str) -> Iterator[File]:
    yield subscribers(W)
    place = f"secret:{reference}:10"
    tricks = [f"{{{place}}}", "{code}", "{{code}}", f"{{secret}}{reference}", f"\\{{{place}"]
    texts = [f"{trick} {NUMBER}" for trick in (*tricks, place)]
    recharged = "20260126100000|RECHARGE||20000|18800|APP||"
    yield File("recharge", [
        f"{place}|S-B||{recharged}",
        f"{reference}|S-C||{recharged}",
        f"code|S-D||{recharged}",
        *(f"{trick}|S-E||{recharged}" for trick in tricks),
        f"R-1|{{{place}}}||{recharged}",
        f"R-2|S-E|{{{place}}}|{recharged}",
    ])  # fmt: skip
    yield File("card_claim", [
        "K-1|S-A|20260126100000|TENCENT",
        "K-2|S-B|20260126110000|TENCENT",
        "K-3|S-C|20260126120000|IQIYI",
        f"{{{place}}}|S-D|20260126120000|TENCENT",
        f"{place}|S-F|20260126130000|YOUKU",
    ])  # fmt: skip
    yield File("ticket", [
        *(f"E-{n}|T-{n}|S-A|OPENED|FAULT|{NUMBER}|20260126100000|A-1|{text}" for n, text in enumerate(texts)),
        f"E-8|T-8|S-B|OPENED|FAULT|{place}|20260126100000|{reference}|",
        f"E-9|{{{place}}}|S-B|OPENED|FAULT|RECHARGE|20260126100000||",
    ])  # fmt: skip
    yield File(
        "survey", [f"Q-{n}|S-A|20260126090000|20260126100000|3|7|{NUMBER}|{text}" for n, text in enumerate(texts)]
    )
    yield File("social", [f"WEIBO|20260126|老友惠 {text}|5|5|5" for text in texts])
    yield File("expense", [f"V-{n}|20260126|B5.1|5.00|WB01 {text}" for n, text in enumerate(texts)])
    yield File("stock_movement", [f"M-1|{place}|GIFT|20260126100000|3|1.00|{reference}"])
    yield File("training", [f"L-1|{reference}|H-1|{place}|20260126|Y"])
    yield File("system_test", [f"N-{n}|APP|FUNCTION|20260126100000|PASS|{text}" for n, text in enumerate(texts)])
    yield File("optout", [f"O-1|{NUMBER}||20260126100000|OUT|{place}", "O-2|13000000007||20260126100000|OUT|{code}"])
    yield File("family_request", [
        f"F-1|S-A|20260126100000|ADD|{NUMBER}|APP|{place}",
        f"{place}|S-B|20260126100000|ADD|13000000007|APP|",
        f"F-3|S-C|20260126100000|ADD|{{{place}}}|APP|",
    ])  # fmt: skip
    yield File("trial_application", [f"P-1|S-A|20260126100000|{place}", f"{place}|S-A|20260126100000|{{code}}"])
    yield File("device_order", [
        f"G-1|{place}|S-G|PAID|20260126100000|SKU-1|999.00|949.05|APP||{reference}",
        f"G-2|{{{place}}}|S-G|PAID|20260126100000|SKU-1|999.00|949.05|APP||",
    ])  # fmt: skip
    yield File("sms_report", [f"J-1|{place}|1|1|2|{reference}|20260126100000"])


def _answer_all(play: Play, sent_on: str) -> None:
    """The carrier answers; of the SMS it refuses one, and quotes what it could not send."""
    for interface in ("credit", "eligibility", "membership", "device_decision", "family_link", "trial_grant", "sms"):
        for stem, rows in play.carrier.sent(interface, sent_on):
            lines = [f"{stem}.txt|RIGHT|{len(rows)}|0"]
            if interface == "sms" and sent_on == FIRST:
                (bad,) = (row for row in rows if B_CODE in row[-1])
                lines = [f"{stem}.txt|SEMIWRONG|{len(rows) - 1}|1", f"{bad[0]}|90|无法送达 {bad[-1]} {bad[1]}"]
            folder = play.carrier.exchange / "ack" / interface
            folder.mkdir(exist_ok=True)
            (folder / f"{stem}.rsp").write_bytes("".join(f"{line}\n" for line in lines).encode("gb18030"))


def test_ids_that_look_like_a_secret_s_place_leave_as_they_came(play: Play, played: Played) -> None:
    assert played
    sources = {row[7]: row[1] for _, rows in play.carrier.sent("credit", DUE) for row in rows}
    assert sorted(sources.values()) == ["S-B", "S-C", "S-D"]
    texts = [row[-1] for _, rows in play.carrier.sent("sms", TOLD) for row in rows if row[2] == "PAID"]
    assert sorted(texts) == sorted(f"【中国联通】充值{source}返4.00元" for source in sources)


def test_each_code_leaves_in_the_owner_s_message_alone(play: Play, played: Played) -> None:
    assert played
    holds = {
        code: [
            (row[1], row[2])
            for day in (EVE, FIRST, DUE, TOLD)
            for _, rows in play.carrier.sent("sms", day)
            for row in rows
            if code in row[-1]
        ]
        for code in CODES
    }
    assert holds[A_CODE] == [("13000000001", "CARD")]
    assert set(holds[B_CODE]) == {("13000000002", "CARD")}  # again, after the refusal
    assert holds[TWICE] == [("13000000003", "CARD")]  # of two rows, two platforms, the first stands
    for name, content in play.carrier.out_bytes().items():
        assert name.startswith("sms/") or not [code for code in CODES if code.encode() in content], name


def test_no_code_and_no_reference_s_code_stands_anywhere_else(play: Play, played: Played) -> None:
    relations = play.query(
        "select format('%I.%I', schemaname, relation) from ("
        " select schemaname, tablename as relation from pg_tables"
        " union all select schemaname, viewname from pg_views) as relations"
        " where schemaname not in ('vault', 'pg_catalog', 'information_schema')"
    )
    assert len(relations) > 80
    for (relation,) in relations:
        assert play.query(f"select 1 from {relation} as r where r::text ~ '{'|'.join(CODES)}' limit 1") == [], relation
    folder = play.carrier.exchange.parent
    allowed = {folder / "exchange" / "in" / "card_stock", folder / "exchange" / "out" / "sms"}
    allowed.add(folder / "exchange" / "ack" / "sms")
    for path in folder.rglob("*"):
        if path.is_file() and path.parent not in allowed:
            content = path.read_bytes()
            assert not [code for code in CODES if code.encode() in content], path
    assert not [code for code in CODES if code in played.log]


def test_no_mart_alert_log_report_or_archive_holds_a_phone_number(play: Play, played: Played) -> None:
    relations = play.query(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema in ('marts', 'marts_candidate', 'watch')"
    )
    assert len(relations) > 20
    pattern = SHOWN.pattern.decode()
    for (relation,) in relations:
        found = play.query(f"select r::text from {relation} as r where r::text ~ '{pattern}' limit 3")
        assert found == [], f"{relation} shows a number"
    told = "select alert_code, place, what from raw.alert"
    assert [row for row in play.query(told) if SHOWN.search(str(row).encode())] == []
    assert play.query("select count(*) from raw.alert where alert_code = 'STEP_FAILED'") == [(1,)]
    assert not SHOWN.search(played.log.encode())
    for part in ("alerts", "metrics", "report", "archive"):
        files = [path for path in (play.settings.work / part).rglob("*") if path.is_file()]
        assert files, part
        for path in files:
            if path.suffix not in {".docx", ".png"}:
                assert not SHOWN.search(path.read_bytes()), path


@pytest.mark.parametrize("group", ["laoyouhui_marketing", "laoyouhui_finance"])
def test_no_group_reads_a_phone_number_by_any_relation(play: Play, played: Played, group: str) -> None:
    assert played
    readable = play.query(
        "select relation.oid::regclass::text from pg_class as relation where relkind in ('r', 'v', 'm', 'p') "
        "and relnamespace::regnamespace::text !~ '^(pg_|information_schema)' "
        f"and has_schema_privilege('{group}', relnamespace, 'usage') "
        f"and has_table_privilege('{group}', relation.oid, 'select')"
    )
    assert len(readable) > 10
    for (relation,) in readable:
        found = play.query(f"select r::text from {relation} as r where r::text ~ '{SHOWN.pattern.decode()}' limit 3")
        assert found == [], f"{relation} shows a number to {group}"


def test_whatever_was_written_is_ours_alone_under_any_umask(play: Play, played: Played) -> None:
    """C5: every file and folder of the work folder, and what we wrote into the exchange."""
    assert played
    out = play.carrier.exchange / "out"
    found: list[Path] = [play.settings.work, *play.settings.work.rglob("*"), *(p for p in out.rglob("*"))]
    assert len(found) > 50
    open_to_others = [
        f"{path} {stat.filemode(path.lstat().st_mode)}"
        for path in found
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]
    assert open_to_others == []
