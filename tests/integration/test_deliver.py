"""From the export relations to the carrier's folder and back to its answers, on a real PostgreSQL."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest

from laoyouhui.config.campaign import Campaign, load_campaign
from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.settings import Settings
from laoyouhui.delivery.transport import FolderTransport, SftpSettings, TransportError
from laoyouhui.pipeline import deliver as deliver_module
from laoyouhui.pipeline.answers import AnswersReport, ingest_answers
from laoyouhui.pipeline.deliver import DeliveryError, deliver
from laoyouhui.pipeline.journal import Journal
from laoyouhui.pipeline.outbox import OutboxError, fill_outbox
from laoyouhui.pipeline.waiting import Waiting
from laoyouhui.warehouse.connection import connect
from laoyouhui.warehouse.prepare import prepare

HOME = Path(__file__).parents[2]
DAY = date(2026, 1, 31)
NEXT = date(2026, 2, 1)
CREDIT = "credit_lyh2026_20260131_0001"
K1, K2, K3 = ("a" * 32, "b" * 32, "c" * 32)

SETTLED = "'X', 'B2', 7, 0, null"  # benefit, budget line, committed and liability; nothing is lacking
RELATIONS = """
create schema exports;
create table exports.row (campaign_id text, item_key text, answer_key text, benefit text, budget_line text,
    committed_fen bigint, liability_fen bigint, missing_columns text, resend_of text);
create table exports.export_eligibility (like exports.row, subscriber_id text, msisdn text, action text,
    effective_on date, reason text);
create table exports.export_credit (like exports.row, grant_key text, subscriber_id text, msisdn text, amount bigint,
    kind text, instalment_no int, instalments int, source_recharge_id text);
create table exports.export_sms (like exports.row, message_key text, msisdn text, template_code text,
    not_before timestamp, not_after timestamp, segments int, text text, subscriber_id text, secret_reference text,
    secret_at int, secret_grant text);
"""  # no export_data_grant: an interface without a relation is left alone


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path) -> Settings:
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    return Settings(HOME, str(exchange), (HOME / "campaigns" / "lyh2026.yml",), tmp_path / "work", database_dsn)


@pytest.fixture
def campaign(settings: Settings) -> Campaign:
    return load_campaign(settings.campaign_files[0])


@pytest.fixture
def carrier(campaign: Campaign) -> Carrier:
    return load_carrier(campaign.carrier_file)


@pytest.fixture
def conn(settings: Settings, carrier: Carrier, campaign: Campaign) -> Iterator[psycopg.Connection]:
    with connect(settings.warehouse_dsn) as connection:
        prepare(connection, carrier, campaign)
        connection.execute(RELATIONS)
        connection.commit()
        yield connection


def _credit(
    conn: psycopg.Connection, key: str, *, amount: int = 400, kind: str = "INSTALMENT", resend_of: str | None = None
) -> None:
    conn.execute(
        f"insert into exports.export_credit values ('lyh2026', %s, %s, {SETTLED}, %s, %s, 's1', '13800000001', "
        "%s, %s, 1, 6, 'r1')",
        (key, key, resend_of, key, amount, kind),
    )


def _release(conn: psycopg.Connection, carrier: Carrier, day: date = DAY) -> int:
    """What the release step does here: fill the outbox and count the attempt, in one transaction."""
    added = fill_outbox(conn, carrier, day)
    conn.execute(
        "insert into raw.run (business_date, attempts_released) values (%s, 1) "
        "on conflict (business_date) do update set attempts_released = run.attempts_released + 1",
        (day,),
    )
    conn.commit()
    return added


def _out(settings: Settings, name: str) -> Path:
    return Path(settings.exchange) / "out" / name.split("_lyh2026", maxsplit=1)[0] / name


def _files(settings: Settings) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in Path(settings.exchange).glob("out/*/*")
        if path.is_file()
    }


# --- what leaves ------------------------------------------------------------------------------------------------------


def test_files_leave_as_the_interface_spells_them(
    settings: Settings, conn: psycopg.Connection, carrier: Carrier
) -> None:
    _credit(conn, K1)
    _credit(conn, K2, amount=-400, kind="CLAWBACK")
    conn.execute(
        "update exports.export_credit set instalment_no = null, instalments = null, msisdn = '' where item_key = %s",
        (K2,),
    )
    conn.execute(
        "insert into exports.export_eligibility values ('lyh2026', 'e', 's1', null, null, null, null, null, null, "
        "'s1', null, 'ADD', '2026-02-01', 'ELIGIBLE')"
    )
    conn.execute(
        f"insert into exports.export_sms values ('lyh2026', %(key)s, %(key)s, {SETTLED}, null, %(key)s, '13800000001', "
        "'GIFT_ARRIVED', "
        "'2026-02-01 08:00', '2026-02-01 20:00:05', 1, %(text)s, 's1')",
        {"key": K3, "text": '【中国联通】億墊𠮷\U0001f600 "引", \\N'},
    )
    assert _release(conn, carrier) == 4
    report = deliver(settings, DAY)
    assert report.delivered == (CREDIT, "eligibility_lyh2026_20260131_0001", "sms_lyh2026_20260131_0001")
    assert report.found == ()

    credit = f"{K1}|s1|13800000001|400|INSTALMENT|1|6|r1\n{K2}|s1||-400|CLAWBACK|||r1\n".encode()
    assert _out(settings, f"{CREDIT}.txt").read_bytes() == credit
    sha256 = hashlib.sha256(credit).hexdigest()
    assert _out(settings, f"{CREDIT}.chk").read_bytes() == f"{CREDIT}.txt|{len(credit)}|2|{sha256}|0\n".encode()
    eligibility = _out(settings, "eligibility_lyh2026_20260131_0001.txt")
    assert eligibility.read_bytes() == b"s1||ADD|20260201|ELIGIBLE\n"
    assert eligibility.with_suffix(".chk").read_bytes().endswith(b"|\n")  # no control total
    sms = f'{K3}|13800000001|GIFT_ARRIVED|20260201080000|20260201200005|1|【中国联通】億墊𠮷\U0001f600 "引", \\N\n'
    assert _out(settings, "sms_lyh2026_20260131_0001.txt").read_bytes() == sms.encode("gb18030")

    assert list((settings.work / "spool").iterdir()) == []
    row = conn.execute(
        "select rows, bytes, sha256, control_total::text, written_at is not null and delivered_at is not null "
        "from outbox.file where file_stem = %s",
        (CREDIT,),
    ).fetchone()
    assert row == (2, len(credit), sha256, "0", True)
    assert conn.execute("select interface, amount_fen from outbox.file order by interface").fetchall() == [
        ("credit", 0),
        ("eligibility", None),
        ("sms", 7),  # without an amount of its own: what it costs
    ]
    item = conn.execute(
        "select amount_fen, committed_fen, liability_fen, benefit, budget_line, subscriber_id, answer_key, "
        "business_date "
        "from outbox.item where item_key = %s",
        (K2,),
    ).fetchone()
    assert item == (-400, 7, 0, "X", "B2", "s1", K2, DAY)
    assert conn.execute("select delivered_at is not null from raw.run").fetchone() == (True,)


def test_long_files_are_whole_and_in_order(settings: Settings, conn: psycopg.Connection, carrier: Carrier) -> None:
    # 4,001 rows: three values of joined lines, put into the relation backwards; a second file with one row.
    conn.execute(
        f"insert into exports.export_credit select 'lyh2026', md5(n::text), md5(n::text), {SETTLED}, null, "
        "md5(n::text), 's' || to_char(n, 'FM0000'), '138', n, 'MAKE_GOOD', null, null, 'r' || n "
        "from generate_series(4001, 1, -1) as n"
    )
    _credit(conn, K1, resend_of="x")
    assert _release(conn, carrier) == 4002
    deliver(settings, DAY)
    lines = _out(settings, f"{CREDIT}.txt").read_text().splitlines()
    assert [line.split("|")[1] for line in lines] == [f"s{n:04}" for n in range(1, 4002)]
    assert _out(settings, f"{CREDIT}.chk").read_text().split("|")[2] == "4001"
    assert _out(settings, f"{CREDIT}.chk").read_text().strip().endswith(f"|{4001 * 2001}")
    assert _out(settings, "credit_lyh2026_20260131_0002.chk").is_file()


def test_the_database_spells_every_character_as_python_reads_it(conn: psycopg.Connection) -> None:
    """GB18030 of PostgreSQL and of Python agree, but for the few that the standard moved between its editions."""
    points = [point for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF]
    text = "".join(map(chr, points))
    row = conn.execute("select convert_to(%s, 'gb18030')", (text,)).fetchone()
    assert row is not None
    read = bytes(row[0]).decode("gb18030")
    assert len(read) == len(text)
    moved = {ord(sent) for sent, got in zip(text, read, strict=True) if sent != got}
    assert len(moved) < 40
    assert not any(0x20 <= point < 0x1E00 or 0x2000 <= point < 0x9FA6 or point >= 0x20000 for point in moved)


def test_a_second_attempt_adds_the_next_file_and_rewrites_nothing(
    settings: Settings, conn: psycopg.Connection, carrier: Carrier
) -> None:
    _credit(conn, K1)
    assert _release(conn, carrier) == 1
    deliver(settings, DAY)
    before = _files(settings)
    conn.execute("truncate exports.export_credit")
    _credit(conn, K2, resend_of="x")
    assert _release(conn, carrier) == 1
    assert deliver(settings, DAY).delivered == ("credit_lyh2026_20260131_0002",)
    assert deliver(settings, DAY).delivered == ()
    after = _files(settings)
    assert {name: after[name] for name in before} == before
    assert len(after) == 4


def test_files_are_numbered_over_attempts_and_hold_what_the_carrier_takes(
    conn: psycopg.Connection, carrier: Carrier
) -> None:
    short = carrier.interfaces["credit"].model_copy(update={"max_rows": 2})
    carrier = carrier.model_copy(update={"interfaces": {"credit": short}})
    refused = "credit_lyh2026_20260130_0001"
    for digit in "c1":
        _credit(conn, digit * 32, resend_of=refused)
    for digit in "ab2d0":
        _credit(conn, digit * 32)
    conn.execute("update exports.export_credit set subscriber_id = 's0' where item_key = %s", ("d" * 32,))
    assert _release(conn, carrier) == 7
    conn.execute("truncate exports.export_credit")
    _credit(conn, "e" * 32)
    assert _release(conn, carrier) == 1
    lines = conn.execute(
        "select right(file_stem, 4), line_no, left(item_key, 1) from outbox.item order by file_stem, line_no"
    ).fetchall()
    assert lines == [
        ("0001", 1, "d"),  # subscriber s0 before s1, then by key
        ("0001", 2, "0"),
        ("0002", 1, "2"),
        ("0002", 2, "a"),
        ("0003", 1, "b"),
        ("0004", 1, "1"),  # what was refused as a whole leaves again alone, after the others
        ("0004", 2, "c"),
        ("0005", 1, "e"),  # a second attempt of the day
    ]
    assert conn.execute("select seq, rows, amount_fen from outbox.file order by seq").fetchall() == [
        (1, 2, 800),
        (2, 2, 800),
        (3, 1, 400),
        (4, 2, 800),
        (5, 1, 400),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update exports.export_credit set campaign_id = 'other'", "2 rows of other: expected lyh2026"),
        ("update exports.export_credit set subscriber_id = null where item_key like 'b%'", "line 2: a required column"),
        (
            "update exports.export_credit set kind = 'GIFT' where item_key like 'b%'",
            "line 2: .*not in the carrier profile",
        ),
        (
            "update exports.export_credit set source_recharge_id = 'a|b' where item_key like 'b%'",
            "line 2: .*a field holds",
        ),
        (
            "update exports.export_credit set source_recharge_id = E'a\\nb' where item_key like 'b%'",
            "line 2: .*line's end",
        ),
    ],
)
def test_what_cannot_be_formatted_is_not_released(
    conn: psycopg.Connection, carrier: Carrier, change: str, said: str
) -> None:
    _credit(conn, K1)
    _credit(conn, K2)
    conn.execute(change)
    with pytest.raises(OutboxError, match=said):
        fill_outbox(conn, carrier, DAY)


def test_another_carriers_spelling_is_configuration(conn: psycopg.Connection, carrier: Carrier) -> None:
    _credit(conn, K1, amount=-5)
    credit = carrier.interfaces["credit"]
    columns = [
        column.model_copy(
            update={"amount": {"type": "yuan"}, "kind": {"codes": {"01": "INSTALMENT", "02": "MAKE_GOOD"}}}.get(
                column.name, {}
            )
        )
        for column in credit.columns
        if column.name in {"kind", "amount", "grant_key"}
    ]
    other = carrier.model_copy(
        update={
            "files": carrier.files.model_copy(update={"encoding": "gbk", "delimiter": ","}),
            "interfaces": {"credit": credit.model_copy(update={"columns": tuple(columns)})},
        }
    )
    fill_outbox(conn, other, DAY)
    assert conn.execute("select line, amount_fen from outbox.item").fetchone() == (f"{K1},-0.05,01", -5)
    conn.rollback()
    _credit(conn, K1.replace("a", "𠮷"))
    with pytest.raises(OutboxError, match="GBK"):
        fill_outbox(conn, other, DAY)


# --- delivery, again and after accidents ------------------------------------------------------------------------------


@pytest.fixture
def released(conn: psycopg.Connection, carrier: Carrier) -> None:
    _credit(conn, K1)
    _credit(conn, K2)
    _credit(conn, K3, resend_of="x")
    _release(conn, carrier)


def _forget_delivery(conn: psycopg.Connection) -> None:
    _change(conn, "update outbox.file set delivered_at = null, bytes = null, sha256 = null")


def test_nothing_leaves_before_its_release(settings: Settings, conn: psycopg.Connection, carrier: Carrier) -> None:
    with pytest.raises(DeliveryError, match="Run release for this date first"):
        deliver(settings, DAY)
    _credit(conn, K1)
    _release(conn, carrier)
    _change(conn, "update raw.run set attempts_released = 0")
    with pytest.raises(DeliveryError, match="Run release for this date first"):
        deliver(settings, DAY)
    assert _files(settings) == {}


@pytest.mark.usefixtures("released")
def test_files_that_stand_already_are_not_written_again(settings: Settings, conn: psycopg.Connection) -> None:
    deliver(settings, DAY)
    before = _files(settings)
    _forget_delivery(conn)  # as after a rebuild of the warehouse
    report = deliver(settings, DAY)
    assert (report.delivered, len(report.found)) == ((), 2)
    assert _files(settings) == before
    assert conn.execute("select count(*) from outbox.file where delivered_at is null or sha256 is null").fetchone() == (
        0,
    )


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("ending", [".txt", ".chk"])
@pytest.mark.parametrize("alone", [False, True])
def test_a_file_of_that_name_with_other_content_is_not_touched(
    settings: Settings, conn: psycopg.Connection, ending: str, alone: bool
) -> None:
    deliver(settings, DAY)
    _forget_delivery(conn)
    _out(settings, f"{CREDIT}{ending}").write_bytes(b"something else\n")
    if alone:
        _out(settings, f"{CREDIT}{'.chk' if ending == '.txt' else '.txt'}").unlink()
    before = _files(settings)
    with pytest.raises(DeliveryError, match=rf"{CREDIT}\{ending} stands .*Ask the carrier"):
        deliver(settings, DAY)
    assert _files(settings) == before
    assert list((settings.work / "spool").iterdir()) == []


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
def test_a_run_that_died_goes_on_where_it_stopped(
    settings: Settings, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    written: list[str] = []

    class Dying(FolderTransport):
        def put(self, local: Path, path: str) -> None:
            if len(written) == dies_at:
                raise OSError("the line is dead")
            super().put(local, path)
            written.append(path)

    @contextmanager
    def open_dying(exchange: str, sftp: SftpSettings | None) -> Iterator[FolderTransport]:  # noqa: ARG001
        yield Dying(Path(exchange))

    with monkeypatch.context() as patch:
        patch.setattr(deliver_module, "open_transport", open_dying)
        with pytest.raises(OSError, match="the line is dead"):
            deliver(settings, DAY)
    names = [f"out/credit/credit_lyh2026_20260131_{seq}{end}" for seq in ("0001", "0002") for end in (".txt", ".chk")]
    assert written == names[:dies_at]  # the check file last
    assert conn.execute("select count(*) from outbox.file where delivered_at is not null").fetchone() == (dies_at // 2,)
    conn.commit()
    deliver(settings, DAY)
    assert sorted(_files(settings)) == sorted(Path(name).name for name in names)
    assert conn.execute("select count(*) from outbox.file where delivered_at is null").fetchone() == (0,)


@pytest.mark.usefixtures("released")
def test_two_runs_at_once_deliver_each_file_once(settings: Settings) -> None:
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(deliver(settings, DAY))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(report.delivered) for report in reports) == [0, 2]


SMS = "sms_lyh2026_20260131_0001"
TRICK = f"【中国联通】{{secret:{K1}:8}}{{code}}{{secret:1"  # what a text may hold and nothing reads


def _secret_sms(conn: psycopg.Connection, key: str, grant: str, *, text: str = "【中国联通】兑换码，請𠮷。") -> None:
    """The code K1, issued to `grant`, after the fourth character behind the signature."""
    conn.execute(
        f"insert into exports.export_sms values ('lyh2026', %(key)s, %(key)s, {SETTLED}, null, %(key)s, '13800000001', "
        "'CARD', '2026-02-01 08:00', '2026-02-01 20:00', 1, %(text)s, 's1', %(reference)s, 9, %(grant)s)",
        {"key": key, "text": text, "reference": K1, "grant": grant},
    )


def _keep_secret(conn: psycopg.Connection) -> None:
    conn.execute("insert into vault.secret values (%s, 'card_stock', 'code', %s)", (K1, r"A\1&{b}$"))


def test_a_secret_is_put_in_as_the_file_is_spooled(
    settings: Settings, conn: psycopg.Connection, carrier: Carrier
) -> None:
    """Of the real bytes are size, checksum and check file; the outbox never holds the secret."""
    _keep_secret(conn)
    _secret_sms(conn, K2, K3)
    _release(conn, carrier)
    assert deliver(settings, DAY).delivered == (SMS,)
    data = _out(settings, f"{SMS}.txt")
    content = data.read_bytes()
    assert content.decode("gb18030") == (
        f"{K2}|13800000001|CARD|20260201080000|20260201200000|1|" + r"【中国联通】兑换码A\1&{b}$，請𠮷。" + "\n"
    )
    sha256 = hashlib.sha256(content).hexdigest()
    assert data.with_suffix(".chk").read_bytes() == f"{data.name}|{len(content)}|1|{sha256}|\n".encode()
    assert conn.execute("select count(*) from outbox.item as i where i::text like '%A_1&%'").fetchone() == (0,)
    assert not list((settings.work / "spool").iterdir())
    assert (settings.work / "spool").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        "delete from vault.secret",
        "update vault.owner set grant_key = repeat('e', 32)",
        "update vault.owner set subscriber_id = 's2'",
    ],
)
def test_a_secret_that_is_gone_or_anothers_stops_its_file_alone(
    settings: Settings, conn: psycopg.Connection, carrier: Carrier, change: str
) -> None:
    _keep_secret(conn)
    _secret_sms(conn, K2, K3)
    _credit(conn, K1)
    _release(conn, carrier)
    _change(conn, change)
    with pytest.raises(DeliveryError, match=f"{SMS}: 1 row.s. name a secret .*another subscriber's"):
        deliver(settings, DAY)
    assert set(_files(settings)) == {f"{CREDIT}.txt", f"{CREDIT}.chk"}
    assert conn.execute("select delivered_at is null from raw.run").fetchone() == (True,)


def test_a_secret_is_put_nowhere_else(settings: Settings, conn: psycopg.Connection, carrier: Carrier) -> None:
    """Whatever an id or a text says: it is what it says, in every file."""
    _keep_secret(conn)
    _secret_sms(conn, K2, K3, text=TRICK)
    _credit(conn, K1)
    conn.execute("update exports.export_credit set source_recharge_id = %s, subscriber_id = %s", (TRICK, TRICK))
    _release(conn, carrier)
    deliver(settings, DAY)
    assert _out(settings, f"{CREDIT}.txt").read_text("gb18030").split("|")[7] == TRICK + "\n"
    sms = _out(settings, f"{SMS}.txt").read_text("gb18030")
    assert sms.endswith("|" + TRICK[:9] + r"A\1&{b}$" + TRICK[9:] + "\n")


def test_a_secret_is_sent_again_to_its_owner_and_to_nobody_else(conn: psycopg.Connection, carrier: Carrier) -> None:
    _keep_secret(conn)
    _secret_sms(conn, K2, K3)
    _release(conn, carrier)
    conn.execute("truncate exports.export_sms")
    _secret_sms(conn, K1, K3)
    _release(conn, carrier)
    conn.execute("truncate exports.export_sms")
    _secret_sms(conn, K3, K2)
    with pytest.raises(OutboxError, match=f"export_sms, item_key {K3}: the secret is another grant's"):
        fill_outbox(conn, carrier, DAY)


# --- what is released is what is delivered; one file holds up no other ---------------------------------------------


def _change(conn: psycopg.Connection, statement: str) -> None:
    """What somebody does who can do anything: the triggers that refuse it are taken off."""
    for table in ("outbox.item", "outbox.file", "vault.owner", "vault.secret", "raw.run"):
        conn.execute(f"alter table {table} disable trigger user".encode())
    conn.execute(statement.encode())
    conn.commit()


NO_3 = '{"line_no": 3}'


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    "change",
    [
        f"delete from outbox.item where item_key = '{K2}'",
        f"update outbox.item set line = replace(line, '|400|', '|900|') where item_key = '{K2}'",
        f"update outbox.item set amount_fen = amount_fen + 1 where item_key = '{K1}'",
        f"update outbox.item set line_no = 3 where item_key = '{K1}'",
        "update outbox.item set line = (select max(line) from outbox.item)",
        f"insert into outbox.item select (jsonb_populate_record(i, '{NO_3}')).* from outbox.item i order by 1 limit 1",
        f"update outbox.file set rows = 1 where file_stem = '{CREDIT}'",
        f"update outbox.file set amount_fen = 1 where file_stem = '{CREDIT}'",
        f"update outbox.item set secret_reference = '{K3}', secret_at = 3, secret_grant = '{K2}' where line_no = 2",
    ],
)
def test_a_file_that_was_changed_after_its_release_is_not_delivered(
    settings: Settings, conn: psycopg.Connection, change: str
) -> None:
    _change(conn, change)
    with pytest.raises(DeliveryError, match=f"file {CREDIT}: its rows in the outbox are not those that were released"):
        deliver(settings, DAY)
    second = CREDIT.replace("0001", "0002")
    assert set(_files(settings)) == {f"{second}.txt", f"{second}.chk"}


@pytest.mark.usefixtures("released")
def test_a_file_that_cannot_be_written_holds_up_no_other(settings: Settings, conn: psycopg.Connection) -> None:
    """A folder stands under the first file's name; the next run, of a later date, tries it again."""
    in_the_way = _out(settings, f"{CREDIT}.txt")
    in_the_way.mkdir(parents=True)
    with pytest.raises(TransportError, match=f"1 file.s. were not delivered, all others were:\nfile {CREDIT}: "):
        deliver(settings, DAY)
    second = CREDIT.replace("0001", "0002")
    assert {name for name in _files(settings) if name.startswith(second)} == {f"{second}.txt", f"{second}.chk"}
    assert conn.execute("select delivered_at is null from raw.run").fetchone() == (True,)
    conn.execute("insert into raw.run (business_date, attempts_released) values (%s, 1)", (NEXT,))
    conn.commit()
    with pytest.raises(TransportError, match=f"file {CREDIT}: "):
        deliver(settings, NEXT)
    in_the_way.rmdir()
    assert deliver(settings, DAY).delivered == (CREDIT,)
    assert conn.execute("select delivered_at is not null from raw.run order by business_date").fetchall() == [
        (True,),
        (True,),
    ]


# --- the carrier's answers --------------------------------------------------------------------------------------------


class Answers:
    """Writes answers as the carrier does, and ingests them as a run does."""

    def __init__(self, settings: Settings, conn: psycopg.Connection, carrier: Carrier, campaign: Campaign) -> None:
        self._settings, self._conn, self._carrier = settings, conn, carrier
        self._journal = Journal(settings, campaign)

    def write(self, text: str, stem: str = CREDIT, folder: str = "credit") -> None:
        path = Path(self._settings.exchange) / "ack" / folder / f"{stem}.rsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("gb18030"))

    def ingest(self, day: date = NEXT) -> AnswersReport:
        transport = FolderTransport(Path(self._settings.exchange))
        receipts = self._journal.receipts(day, 1)
        report = ingest_answers(self._conn, transport, self._carrier, day, Waiting(), receipts)
        self._conn.commit()
        return report

    def known(self) -> list[tuple[object, ...]]:
        return self._conn.execute(
            "select state, reason, status, received_on from raw.answer order by answer_no"
        ).fetchall()


@pytest.fixture
def delivered(released: None, conn: psycopg.Connection) -> None:  # noqa: ARG001
    """What was released is with the carrier, who can answer it."""
    conn.execute("update outbox.file set delivered_at = now()")
    conn.commit()


@pytest.fixture
def answers(settings: Settings, conn: psycopg.Connection, carrier: Carrier, campaign: Campaign) -> Answers:
    return Answers(settings, conn, carrier, campaign)


@pytest.mark.usefixtures("delivered")
def test_an_answer_is_loaded_once(answers: Answers, conn: psycopg.Connection) -> None:
    answers.write(f"{CREDIT}.txt|SEMIWRONG|1|1\n{K2}|11|用户状态异常\n")
    assert answers.ingest(DAY) == AnswersReport(0, 0)  # a run sees the answers to earlier dates alone
    assert answers.ingest() == AnswersReport(1, 0)
    assert answers.ingest() == AnswersReport(0, 0)
    assert answers.known() == [("LOADED", None, "SEMIWRONG", NEXT)]
    assert conn.execute("select interface, file_stem, rows_ok, rows_failed, code from raw.answer").fetchall() == [
        ("credit", CREDIT, 1, 1, None)
    ]
    assert conn.execute("select line_no, answer_key, code, message from raw.answer_row").fetchall() == [
        (2, K2, "11", "用户状态异常")
    ]


@pytest.mark.usefixtures("delivered")
def test_another_answer_to_the_same_file_changes_nothing(answers: Answers, conn: psycopg.Connection) -> None:
    answers.write(f"{CREDIT}|RIGHT|2|0\n")
    answers.ingest()
    answers.write(f"{CREDIT}|SEMIWRONG|1|1\n{K2}|11|m\n")
    assert answers.ingest(date(2026, 2, 2)) == AnswersReport(0, 1)
    assert answers.ingest(date(2026, 2, 3)) == AnswersReport(0, 0)
    answers.write(f"{CREDIT}|RIGHT|2|0\n")  # the first one once more
    assert answers.ingest(date(2026, 2, 4)) == AnswersReport(0, 0)
    assert answers.known() == [
        ("LOADED", None, "RIGHT", NEXT),
        ("SET_ASIDE", "CONTRADICTS", "SEMIWRONG", date(2026, 2, 2)),
    ]
    assert conn.execute("select count(*) from raw.answer_row").fetchone() == (0,)


@pytest.mark.usefixtures("delivered")
@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (f"{CREDIT}.txt|BAD|0|2|30\n", "LOADED", None),
        (f"{CREDIT}.txt|BAD|0|0|30\n", "LOADED", None),
        (f"{CREDIT}.txt|BAD|0|1|30\n", "SET_ASIDE", "COUNT"),
        (f"{CREDIT}.txt|RIGHT|3|0\n", "SET_ASIDE", "COUNT"),
        (f"{CREDIT}.txt|SEMIWRONG|1|1\n", "SET_ASIDE", "COUNT"),
        (f"{CREDIT}.txt|SEMIWRONG|1|1\n{K3}|10|m\n", "SET_ASIDE", "UNKNOWN_KEY"),
        (f"{CREDIT}.txt|SEMIWRONG|1|1\n{K2}|77|m\n", "SET_ASIDE", "CODE"),
        ("credit_lyh2026_20260131_0002.txt|RIGHT|2|0\n", "SET_ASIDE", "NAME"),
        ("hello\n", "SET_ASIDE", "HEADER"),
        ("", "SET_ASIDE", "HEADER"),
    ],
)
def test_what_an_answer_is_worth(answers: Answers, text: str, state: str, reason: str | None) -> None:
    answers.write(text)
    answers.ingest()
    answers.ingest()
    assert [row[:2] for row in answers.known()] == [(state, reason)]


@pytest.mark.usefixtures("delivered")
def test_a_rebuild_takes_no_other_answer_for_the_one_that_stood(answers: Answers, settings: Settings) -> None:
    """The carrier has written over its first answer, which the receipts know: the second is not booked instead."""
    first = f"{CREDIT}.txt|SEMIWRONG|1|1\n{K2}|11|m\n".encode("gb18030")
    campaign = load_campaign(settings.campaign_files[0])
    receipts = Path(settings.journal) / campaign.campaign_id / "receipts" / "20260202.json"
    receipts.parent.mkdir(parents=True)
    sha256 = hashlib.sha256(first).hexdigest()
    receipts.write_text(f'[["LOADED", "answer", "{CREDIT}", "{sha256}"]]')
    receipts.with_name("20260201.json").write_text("[]")  # a released run leaves receipts, if empty ones
    answers.write(f"{CREDIT}.txt|RIGHT|2|0\n")
    assert answers.ingest(NEXT) == AnswersReport(0, 0)  # the first was read on 2 February, this one after that
    assert answers.ingest(date(2026, 2, 3)) == AnswersReport(0, 1)
    assert [row[:2] for row in answers.known()] == [("SET_ASIDE", "CONTRADICTS")]
    answers.write(first.decode("gb18030"))
    assert answers.ingest(date(2026, 2, 3)) == AnswersReport(1, 0)


def test_an_answer_to_no_file_of_ours_is_looked_at_again(
    answers: Answers, conn: psycopg.Connection, carrier: Carrier
) -> None:
    answers.write(f"{CREDIT}.txt|RIGHT|1|0\n")
    assert answers.ingest() == AnswersReport(0, 1)
    assert answers.ingest() == AnswersReport(0, 0)
    _credit(conn, K1)
    _release(conn, carrier)
    assert answers.ingest() == AnswersReport(0, 1)
    assert answers.known() == [("SET_ASIDE", "NOT_DELIVERED", "RIGHT", NEXT)]
    conn.execute("update outbox.file set delivered_at = now()")
    assert answers.ingest() == AnswersReport(1, 0)
    assert answers.known() == [("LOADED", None, "RIGHT", NEXT)]


@pytest.mark.usefixtures("released")
def test_answers_that_are_not_ours_are_left_alone(answers: Answers) -> None:
    answers.write("other|RIGHT|1|0\n", stem="credit_other_20260131_0001")
    answers.write("sms_lyh2026_20260131_0001|RIGHT|1|0\n", stem="sms_lyh2026_20260131_0001")  # in credit's folder
    answers.write("x|RIGHT|1|0\n", stem="x", folder="unknown")
    assert answers.ingest() == AnswersReport(0, 0)


@pytest.mark.usefixtures("released")
def test_an_answer_to_a_file_that_has_not_left_counts_once_it_has(settings: Settings, answers: Answers) -> None:
    """Nobody can have answered what nobody was given: until the file stands in out/ such an answer settles nothing."""
    answers.write(f"{CREDIT}.txt|RIGHT|2|0\n")
    assert answers.ingest() == AnswersReport(0, 1)
    assert answers.ingest() == AnswersReport(0, 0)
    assert answers.known() == [("SET_ASIDE", "NOT_DELIVERED", "RIGHT", NEXT)]
    report = deliver(settings, DAY)
    assert report.delivered == (CREDIT, "credit_lyh2026_20260131_0002")
    assert f"{CREDIT}.txt" in _files(settings)
    assert answers.ingest() == AnswersReport(1, 0)
    assert answers.known() == [("LOADED", None, "RIGHT", NEXT)]


@pytest.mark.usefixtures("delivered")
def test_what_cannot_be_read_of_an_answer_is_shown_nowhere(answers: Answers, conn: psycopg.Connection) -> None:
    """A file of codes, or of numbers, laid into ack/ by mistake."""
    code = "ABCD-EFGH-1234"
    for text in (
        f"{code}|TENCENT|20260101|20271231|15.00\n",
        f"{code}\n",
        f"{CREDIT}.txt|SEMIWRONG|1|1\n{code}|10|m\n",
        f"{CREDIT}.txt|SEMIWRONG|1|1\n{K2}|{code}|m\n",
        f"{CREDIT}.txt|SEMIWRONG|1|1\n{code}\n",
        f"{CREDIT}.txt|SEMIWRONG|0|2\n{code}|10|m\n{code}|10|m\n",
        f"{CREDIT}.txt|BAD|0|2|{code} {code}\n",
        f"{CREDIT}.txt|{code}|0|2\n",
    ):
        answers.write(text)
        answers.ingest()
    found = conn.execute("select reason, detail from raw.answer order by answer_no").fetchall()
    assert [row[0] for row in found] == ["STATUS", "HEADER", "UNKNOWN_KEY", "CODE", "ROW", "KEY", "HEADER", "STATUS"]
    assert code not in str(conn.execute("select answer::text from raw.answer").fetchall())


@pytest.mark.usefixtures("delivered")
def test_an_answer_is_held_against_its_file_before_a_row_is_read(
    answers: Answers, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by one row, whatever the carrier sends: 40 MB of rows are refused by the first line."""
    rows = "".join(f"{number:032x}|10|{'m' * 60}\n" for number in range(400_000))
    answers.write(f"{CREDIT}.txt|SEMIWRONG|0|400000\n{rows}")
    tracemalloc.start()
    try:
        assert answers.ingest() == AnswersReport(0, 1)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert answers.known() == [("SET_ASIDE", "COUNT", "SEMIWRONG", NEXT)]
    monkeypatch.setattr("laoyouhui.pipeline.answers.LONGEST_LINE", 100)
    monkeypatch.setattr("laoyouhui.pipeline.answers.LONGEST_ROW", 10)
    answers.write(f"{CREDIT}.txt|SEMIWRONG|0|2\n{K1}|10|{'m' * 90}\n{K2}|10|m\n")
    answers.ingest()
    assert [row[1] for row in answers.known()] == ["COUNT", "SIZE"]
    assert conn.execute("select count(*) from raw.answer_row").fetchone() == (0,)
