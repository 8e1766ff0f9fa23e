"""Rule 7: video cards. Each member one a month, first come first served; each code once; what is short is waited for.

Tencent and iQIYI are offered, Youku is not. The texts below show the codes, as a member reads them; the last tests look
for them everywhere else. Reports name messages by their keys, so the story's end is told step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.campaign.harness import (
    Answer,
    Day,
    Fact,
    File,
    Play,
    Story,
    again,
    but,
    close,
    costs,
    people,
    rows_of,
    subscribers,
    terms,
)

SOON, LATE, DEAD = "TXSOON22222222", "TXLATE11111111", "TXDEAD33333333"  # by when they expire
NEW6, NEW7, NEW8 = "TXNEW666", "TXNEW777", "TXNEW888"
IQ4, BAD = "IQ44444444444444", "TXBAD55 5"
FEB1, FEB2 = "TXFEB1" + "Z" * 40, "TXFEB2"
CODES = [SOON, LATE, DEAD, NEW6, NEW7, NEW8, IQ4, BAD, "TXBAD55", FEB1, FEB2]

JAN25 = people("""
S-A     01
S-B     02
S-C     03
S-D     04
S-E     05
S-F     06
S-PAUSE 07
S-YOUNG 08 activation_date=20240101
S-G     09
""")
JAN26 = but(JAN25, "S-PAUSE status=S")
JAN27 = but(JAN26, "S-G status=C")

DECIDED = "select claim_id, reason, cost_fen from ledger.card_decisions where business_date = {on}"


def sent(code: str, platform: str, until: str) -> str:
    return (
        f"【中国联通】{platform}月卡兑换码：{code}，请于{until}前兑换，请勿转告他人，也不要在任何网页以外的地方输入。"
    )


STOCK = File(
    "card_stock",
    [
        f"{LATE}|TENCENT|20260120|20261231|15.00",
        f"{SOON}|TENCENT|20260120|20260331|14.50",
        f"{DEAD}|TENCENT|20260120|20260126|14.00",  # the last day on which it can be redeemed is 26 January
        f"{BAD}|TENCENT|20260120|20261231|15.00",  # a blank is no part of a code
        f"TXBAD55|TENCENT|{FEB2}|20261231|15.00",  # a code where a date belongs
        f"{IQ4}|IQIYI|20260120|20260630|12.00",
    ],
)
CLAIMS = File(
    "card_claim",
    [
        "K-02|S-B|20260126100000|TENCENT",
        "K-01|S-A|20260126100000|TENCENT",  # the same time: by claim id
        "K-03|S-A|20260126110000|IQIYI",  # one a month, over all platforms
        "K-04|S-YOUNG|20260126120000|TENCENT",
        "K-05|S-C|20260126120000|TENCENT",
        "K-06|S-D|20260126115900|TENCENT",
        "K-07|S-E|20260125235959|TENCENT",  # the day before the campaign
        "K-08|S-F|20260126130000|YOUKU",
        "K-09|S-PAUSE|20260126140000|IQIYI",  # suspended: earns no benefit (2)
        "K-10|S-G|20260126150000|TENCENT",
        "K-05|S-C|20260126120000|TENCENT",  # twice with the same content: one
        "K-06|S-D|20260126115900|IQIYI",  # twice with other content in one run: neither counts
    ],
)
MORE = File(
    "card_stock",
    [
        f"{NEW7}|TENCENT|20260127|20260601|13.00",
        f"{NEW6}|TENCENT|20260127|20260501|13.50",
        f"{SOON}|TENCENT|20260120|20260331|14.50",  # delivered again: no second code
        f"{LATE}|TENCENT|20260120|20261231|16.00",  # at another cost: the first holds
        f"{NEW8}|TENCENT|20260201|20260701|13.00",  # not received before 1 February
    ],
)

STORY = Story(
    "cards",
    terms("2026-01-26", "2026-02-28", {
        "intake": {"bad_rows_limit_bp": 5000},
        "membership": {},
        "data_gift": None,
        "recharge": None,
        "cards": {
            "platforms": [
                {"code": "TENCENT", "name": "腾讯视频", "monthly_need": 10},
                {"code": "IQIYI", "name": "爱奇艺", "monthly_need": 10},
            ],
            "limit_per_month": 1, "low_stock_bp": 1000, "code_sms_attempts": 2, "late_days": 3,
        },
        "messages": {"templates": [
            {"code": "CARD", "class": "service", "channel": "sms", "event": "card_code",
             "text": sent("{code}", "{platform}", "{expires_on}")},
        ]},
    }),
    [
        Day(
            "20260125",
            proves="rules 7, 12: a bad row of card stock is quarantined without its text, since codes are secrets",
            arrives=[subscribers(JAN25), STOCK],
            facts=[
                Fact(
                    "bad rows of a feed with secrets are kept without their text",
                    "select line_no, reason, field, raw_text, convert_from(raw_bytes, 'utf8') from raw.quarantined_row",
                    "4|TYPE|code|***|***\n5|TYPE|received_on|***|***",
                ),
            ],
        ),
        Day(
            "20260126",
            proves="rules 7: claims are served by time, then claim id, from the code that expires first",
            arrives=[subscribers(JAN26), CLAIMS],
            out={
                # first come, first served; the code that expires first goes first, unexpired on 27 January
                "sms": f"""
                    k01|13000000001|CARD|20260127080000|20260127200000|1|{sent(SOON, "腾讯视频", "3月31日")}
                    k02|13000000002|CARD|20260127080000|20260127200000|1|{sent(LATE, "腾讯视频", "12月31日")}
                """,
            },
            answers={"sms": Answer({"13000000001": "10", "13000000002": "90"})},
            facts=[
                Fact(
                    "each claim decided once",
                    DECIDED,
                    """
                    K-01|GRANTED|1450
                    K-02|GRANTED|1500
                    K-03|LIMIT|
                    K-04|NOT_MEMBER|
                    K-05|WAITING|
                    K-06|CONFLICT|
                    K-06|CONFLICT|
                    K-07|WINDOW|
                    K-08|PLATFORM|
                    K-09|NOT_ACTIVE|
                    K-10|WAITING|
                    """,
                ),
                costs("B4", "booked as the codes are issued", "0|2950"),
                Fact(
                    "asked for: each counts as taking part",
                    "select day, participants, amount_fen from marts.participation_by_day where benefit = 'CARD'",
                    "2026-01-26|1|1450\n2026-01-26|1|1500",
                ),
                Fact(
                    "stock against need",
                    "select platform, codes_received, codes_issued, codes_expired, codes_free, claims_waiting,"
                    " month_need, is_low from marts.card_stock_by_platform",
                    "TENCENT|3|2|1|0|2|10|True\nIQIYI|1|0|0|1|0|10|False",
                ),
                Fact(
                    "an alert for the platform that runs short",
                    "select place, severity, runbook from watch.alerts where alert_code = 'CARD_STOCK_LOW'",
                    "TENCENT|warning|docs/runbook/CARD_STOCK_LOW.md",
                ),
                Fact(
                    "what people have to look at",
                    "select exception_type, subscriber_id, item_key from marts.exceptions"
                    " where exception_type like 'CARD%'",
                    "CARD_CLAIM_CONFLICT|S-D|K-06\nCARD_CLAIM_CONFLICT|S-D|K-06",
                ),
            ],
        ),
        Day(
            "20260127",
            proves="rules 7: new stock serves waiting claims in order, and a failed SMS sends the same code again",
            arrives=[
                subscribers(JAN27),
                MORE,
                File("card_claim", [
                    "K-11|S-E|20260127090000|TENCENT",
                    "K-12|S-F|20260126080000|TENCENT",  # its file comes late, its place is that of its time
                ]),
            ],
            out={
                "sms": f"""
                    # refused for good: the same code again, under a new key; 90: under its key
                    k01.again|13000000001|CARD|20260128080000|20260128200000|1|{sent(SOON, "腾讯视频", "3月31日")}
                    k02|13000000002|CARD|20260128080000|20260128200000|1|{sent(LATE, "腾讯视频", "12月31日")}
                    k12|13000000006|CARD|20260128080000|20260128200000|1|{sent(NEW6, "腾讯视频", "5月1日")}
                    k05|13000000003|CARD|20260128080000|20260128200000|1|{sent(NEW7, "腾讯视频", "6月1日")}
                """,
            },
            facts=[
                Fact(
                    "those who waited come in their order; who has left no more",
                    DECIDED,
                    """
                    K-05|GRANTED|1300
                    K-10|LAPSED|
                    K-11|WAITING|
                    K-12|GRANTED|1350
                    """,
                ),
                costs("B4", "nothing is paid twice for a code sent again", "0|5600"),
                Fact(
                    "a code that came with another cost",
                    "select exception_type, source_file, source_line from marts.exceptions"
                    " where exception_type = 'CARD_CODE_CONFLICT'",
                    "CARD_CODE_CONFLICT|card_stock_20260127_0001.txt|4",
                ),
            ],
        ),
    ],
    aside=frozenset({"eligibility", "membership"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


def test_a_message_reported_as_failed_is_followed_by_the_same_code(play: Play) -> None:
    play.reach(STORY.days[-1])
    keys = {row[1]: row[0] for _, rows in play.carrier.sent("sms", "20260127") for row in rows}
    at = "20260128093000"
    play.carrier.deliver(subscribers(JAN27), "20260128")
    play.carrier.deliver(File("sms_report", [
        f"P-1|{keys['13000000006']}|1|1|2|UNDELIV|{at}",
        f"P-2|{keys['13000000003']}|1|1|0||{at}",
        f"P-3|{keys['13000000001']}|1|1|2|UNDELIV|{at}",  # the second attempt of two
    ]), "20260128")  # fmt: skip
    close(play.settings, "20260128")
    sms = [row for _, rows in play.carrier.sent("sms", "20260128") for row in rows]
    assert [row[1:] for row in sms] == rows_of(
        f"13000000006|CARD|20260129080000|20260129200000|1|{sent(NEW6, '腾讯视频', '5月1日')}"
    )
    assert sms[0][0] not in keys.values()
    assert play.query(
        "select subscriber_id, item_key, detail from marts.exceptions where exception_type = 'CARD_CODE_NOT_DELIVERED'"
    ) == [("S-A", "K-01", "attempt 2 ended as FAILED, and was the last")]


def test_a_run_that_dies_and_begins_again_issues_the_same_codes(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 February: a new month for S-A; K-11 has had the code that came on this day, before February's claims."""
    from laoyouhui.pipeline import release

    play.carrier.deliver(subscribers(JAN27), "20260131")
    close(play.settings, "20260131")
    play.carrier.deliver(subscribers(JAN27), "20260201")
    play.carrier.deliver(File("card_stock", [
        f"{FEB1}|TENCENT|20260131|20260630|13.00",
        f"{FEB2}|TENCENT|20260131|20260731|13.00",
    ]), "20260201")  # fmt: skip
    play.carrier.deliver(File("card_claim", [
        "K-20|S-A|20260201000000|TENCENT",
        "K-21|S-C|20260201000000|TENCENT",  # it had its code of January: this claim is February's
        "K-22|S-A|20260201000001|TENCENT",
    ]), "20260201")  # fmt: skip

    def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(release, "release", dies)
        with pytest.raises(RuntimeError, match="killed"):
            close(play.settings, "20260201")
    decided = "select claim_id, reason, code_reference from ledger.card_decisions where business_date = '2026-02-01'"
    first = play.query(decided)
    close(play.settings, "20260201")
    assert sorted(play.query(decided), key=str) == sorted(first, key=str)
    assert sorted((row[0], row[1]) for row in first) == [
        ("K-20", "GRANTED"),
        ("K-21", "GRANTED"),
        ("K-22", "LIMIT"),
    ]
    sms = [row for _, rows in play.carrier.sent("sms", "20260201") for row in rows]
    # 90 characters with a code of 46 are two segments, though what stood for it was shorter
    assert sorted(row[1] + "|" + row[5] + "|" + row[6] for row in sms) == [
        f"13000000001|2|{sent(FEB1, '腾讯视频', '6月30日')}",
        f"13000000003|1|{sent(FEB2, '腾讯视频', '7月31日')}",
    ]


@pytest.mark.parametrize(
    "change",
    [
        "decision_key = 'another', claim_id = 'K-99'",  # a second claim for one code
        "code_reference = 'another'",  # a second code for one claim
    ],
)
def test_each_code_once_and_each_claim_one_code(play: Play, change: str) -> None:
    """Held by the table itself, whatever two runs at once may do."""
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute(
            "create temp table copy on commit drop as select * from ledger.card_decisions"
            " where claim_id = 'K-01' and reason = 'GRANTED'"
        )
        conn.execute(f"update copy set {change}".encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute("insert into ledger.card_decisions select * from copy")


def test_a_claim_delivered_too_late_is_refused(play: Play) -> None:
    play.carrier.deliver(subscribers(JAN27), "20260304")
    play.carrier.deliver(File("card_claim", ["K-30|S-B|20260228100000|TENCENT"]), "20260304")
    close(play.settings, "20260304")
    assert play.query("select reason from ledger.card_decisions where claim_id = 'K-30'") == [("LATE",)]


def test_no_code_stands_anywhere_but_in_the_vault_and_the_message(play: Play) -> None:
    kept = {row[0] for row in play.query("select secret from vault.secret")}
    assert kept == set(CODES) - {BAD, "TXBAD55"}
    relations = play.query(
        "select format('%I.%I', schemaname, relation) from ("
        " select schemaname, tablename as relation from pg_tables"
        " union all select schemaname, viewname from pg_views) as relations"
        " where schemaname not in ('vault', 'pg_catalog', 'information_schema')"
    )
    assert len(relations) > 80
    codes = "|".join(code.replace(" ", ".") for code in CODES)
    for (relation,) in relations:
        found = play.query(f"select 1 from {relation} as r where r::text ~ '{codes}' limit 1")
        assert found == [], f"{relation} shows a code"
    folder = play.carrier.exchange.parent
    allowed = [folder / "exchange" / "in" / "card_stock", folder / "exchange" / "out" / "sms"]
    for path in folder.rglob("*"):
        if path.is_file() and path.parent not in allowed:
            content = path.read_bytes()
            assert not [code for code in CODES if code.encode() in content], f"{path} shows a code"
    assert not list((play.settings.work / "spool").iterdir())


def test_another_role_cannot_read_the_vault(play: Play) -> None:
    with psycopg.connect(play.settings.warehouse_dsn) as conn:
        conn.execute("create role analyst")
        conn.execute("grant usage on schema raw, ledger, marts to analyst")
        conn.execute("set local role analyst")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select secret from vault.secret")


def test_a_rebuild_writes_the_same(play: Play, new_warehouse: Callable[[], str], tmp_path: Path) -> None:
    """Also the file with codes, byte by byte: references are made of the files, not of what this vault holds."""
    rebuilt = again(STORY, new_warehouse(), play, tmp_path)
    before = {name: content for name, content in play.carrier.out_bytes().items() if name.split("_")[2] <= "20260127"}
    assert rebuilt.carrier.out_bytes() == before
    answered = "select * from ledger.card_decisions where business_date <= '2026-01-27' order by decision_key"
    assert rebuilt.query(answered) == play.query(answered)
