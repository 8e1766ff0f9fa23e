"""The close of a campaign (C1, C2): the summary report and the archive, of a campaign of two days.

By hand: S-A, S-B and S-PAUSED qualify and get 5 GB each (B1: 5 x 0.50 yuan each = 7.50); S-YOUNG does not. On the first
day S-PAUSED is suspended: he has his gift, and qualifies no more. S-A recharges 200 yuan in the app: 12.00 off at once
and 24.00 promised in 6 instalments (B2). A voucher of 100.00 pays B5.1. S-B's ticket is answered within the hour. The
last day's recharge file holds one bad row of two, and is quarantined.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import INTERFACES, Day, File, Play, Story, but, people, recharges, subscribers, terms

from laoyouhui.reports.archive import archive
from laoyouhui.reports.report import report
from laoyouhui.reports.snapshot import ReportError
from laoyouhui.warehouse.connection import connect

pytestmark = pytest.mark.enable_socket

WHO = people("S-A 01\nS-B 02\nS-YOUNG 03 activation_date=20250101\nS-PAUSED 04")
LATER = but(WHO, "S-PAUSED status=S")
STORY = Story(
    "closing",
    terms("2026-02-01", "2026-02-02", {"service": {"answer_hours": 24}}),
    [
        Day(
            "20260131",
            proves="set-up: three subscribers qualify and get the gift",
            arrives=[subscribers(WHO)],
        ),
        Day(
            "20260201",
            proves="set-up: a recharge is granted, a voucher booked and a ticket answered",
            arrives=[
                subscribers(LATER),
                recharges("R-1 S-A 20260201100000 20000 18800 APP"),
                File("expense", ["V-1|20260201|B5.1|100.00|微博话题"]),
                File("ticket", [
                    "E-1|T-1|S-B|OPENED|QUESTION|DATA_GIFT|20260201100000||",
                    "E-2|T-1||ANSWERED|||20260201103000|A-1|",
                ]),
            ],
        ),
        Day(
            "20260202",
            proves="set-up: the last day's recharge file is quarantined",
            arrives=[
                subscribers(LATER),
                File("recharge", [
                    "R-2|S-B||202602021|RECHARGE||10000|9500|APP||",  # no time of day
                    "R-3|S-B||20260202100000|RECHARGE||10000|9500|APP||",
                ]),
            ],
        ),
    ],
    aside=frozenset(INTERFACES),
)  # fmt: skip

NAME = "lyh2026_20260202"
TABLES = {
    # line, plan (that of harness.terms), committed, actual, variance; three notices of 0.04 beside the voucher
    "各预算科目的计划与实际": """
        流量赠送（B1）|10,000.00|0.00|7.50|9,992.50
        话费充值优惠补贴（B2）|0.00|24.00|12.00|-36.00
        线上宣传（B5.1）|0.00|0.00|100.12|-100.12
        合计（TOTAL）|10,000.00|24.00|119.62|9,856.38
    """,
    "各项权益的参与量": """
        流量赠送（DATA_GIFT）|3|7.50|15,360
        充值立减（RECHARGE_DISCOUNT）|1|12.00|0
    """,
    # three have a gift, of the two who still qualify both: no share passes 100 %
    "从符合条件到参与": """
        在网用户（KNOWN）|4|—|—
        符合条件（ELIGIBLE）|2|50.00 %|在网用户（KNOWN）
        进入名单（LISTED）|3|75.00 %|在网用户（KNOWN）
        参与者（TOOK_PART）|1|33.33 %|进入名单（LISTED）
        充值立减（RECHARGE_DISCOUNT）|1|100.00 %|参与者（TOOK_PART）
        流量赠送（DATA_GIFT）|3|100.00 %|符合条件（ELIGIBLE）
    """,
    "不符合条件的原因": "非正常在用（NOT_ACTIVE）|1\n在网年限不足（TENURE）|1",
    "各月未返还话费": "2026-02|0.00|24.00|0.00|0.00|0.00|0.00|0.00|24.00",
    "工单按类型与状态": "咨询（QUESTION）|流量赠送（DATA_GIFT）|已答复（ANSWERED）|1|1|30|1|1|100.00 %",
    # files, of which quarantined, rows received, loaded, quarantined, twice
    "来料": """
        expense|1|0|1|1|0|0
        recharge|2|1|3|1|2|0
        subscriber|3|0|12|12|0|0
        ticket|1|0|2|2|0|0
    """,
}


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.fixture(scope="module")
def reported(play: Play) -> list[Path]:
    play.reach(STORY.days[-1])
    return report(play.settings)


@pytest.fixture(scope="module")
def archived(play: Play, reported: list[Path]) -> Path:
    assert reported
    (folder,) = archive(play.settings)
    return folder


def rows_of_html(html: str, title: str) -> str:
    """The rows of the table under a caption, as a story writes them."""
    table = html[html.index(f"{title}</figcaption>") :]
    cells = [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", table.split("</table>")[0])
    ]
    return "\n".join("|".join(row) for row in cells if row)


def test_before_anything_is_released_there_is_nothing_to_report(play: Play) -> None:
    with pytest.raises(ReportError, match="nothing is released in this warehouse yet"):
        report(play.settings)


def test_without_a_report_there_is_no_archive(play: Play) -> None:
    play.reach(STORY.days[-1])
    with pytest.raises(ReportError, match="make the report first"):
        archive(play.settings)


@pytest.mark.parametrize("title", TABLES)
def test_the_figures_are_those_counted_by_hand(reported: list[Path], title: str) -> None:
    html = reported[0].read_text(encoding="utf-8")
    assert rows_of_html(html, title) == "\n".join(line.strip() for line in TABLES[title].strip().splitlines())


def test_the_page_says_where_its_figures_come_from_and_asks_nobody_else(reported: list[Path]) -> None:
    html = reported[0].read_text(encoding="utf-8")
    assert "://" not in html
    assert html.count("数据来源：") == html.count("<pre>") == html.count("<figure ")
    assert "无记录。" in html  # nothing was published in this story
    assert "增量（uplift）" in html
    assert html.count("<svg") >= 5


def test_the_document_holds_the_same_and_a_chapter_to_fill_in(reported: list[Path]) -> None:
    import docx

    read = docx.Document(str(reported[1]))
    shown = [["|".join(cell.text for cell in row.cells) for row in table.rows[1:]] for table in read.tables]
    assert [line.strip() for line in TABLES["从符合条件到参与"].strip().splitlines()] in shown
    texts = [paragraph.text for paragraph in read.paragraphs]
    assert texts.count("（请填写）") == 9
    assert sum(text.startswith("数据来源：marts.") for text in texts) > 15


def test_the_archive_is_verified_by_sha256sum(archived: Path) -> None:
    assert archived.name == NAME
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=archived, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    listed = {line.split("  ")[1] for line in (archived / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(archived).as_posix() for path in archived.rglob("*") if path.is_file()}
    assert listed == there - {"SHA256SUMS"}
    assert {
        "MANIFEST.json", "README.md", "parameters/lyh2026.yml", "parameters/china_unicom.yml",
        "rules/rules-decisions.md", "rules/data-dictionary.md", f"report/summary_{NAME}.html",
        f"report/summary_{NAME}.docx", "watch/incidents.parquet",
    } <= there  # fmt: skip


def test_every_mart_is_read_back_to_the_row_and_the_fen(play: Play, archived: Path) -> None:
    """By pyarrow, which shares nothing with what wrote it but the format; against the warehouse and the manifest."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    marts = [str(row[0]) for row in play.query("select relname from pg_class where relnamespace = 'marts'::regnamespace"
                                               " and relkind = 'r' order by 1")]  # fmt: skip
    assert len(marts) > 15
    assert sorted(path.stem for path in (archived / "marts").iterdir()) == marts
    manifest = json.loads((archived / "MANIFEST.json").read_text(encoding="utf-8"))
    said = {each["relation"]: each for each in manifest["relations"]}
    for mart in marts:
        table = pq.read_table(archived / "marts" / f"{mart}.parquet")
        columns = [str(row[0]) for row in play.query(
            f"select attname from pg_attribute where attrelid = 'marts.{mart}'::regclass and attnum > 0 order by attnum"
        )]  # fmt: skip
        assert table.column_names == columns
        rows = [tuple(row.values()) for row in table.to_pylist()]
        assert sorted(map(str, rows)) == sorted(map(str, play.query(f"select * from marts.{mart}")))
        assert said[f"marts.{mart}"]["rows"] == table.num_rows
        for name, total in said[f"marts.{mart}"]["totals_fen"].items():
            assert str(table.schema.field(name).type) == "int64"
            assert pc.sum(table[name]).as_py() == total
    budget = pq.read_table(archived / "marts" / "budget_by_line_month.parquet")
    assert str(budget.schema.field("month").type) == "date32[day]"
    assert said["marts.budget_by_line_month"]["totals_fen"]["actual_fen"] == 2 * 11962  # the lines, and their total
    assert (manifest["closed_to"], manifest["terms_versions"]) == ("2026-02-02", ["lyh2026@2026-02-01"])


def test_report_and_archive_written_again_are_the_same_bytes(play: Play, reported: list[Path], archived: Path) -> None:
    def sums() -> dict[Path, str]:
        files = [*reported, *(path for path in archived.rglob("*") if path.is_file())]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    first = sums()
    for path in reported:
        path.unlink()
    assert report(play.settings) == reported
    assert archive(play.settings) == [archived]
    assert sums() == first
    assert [path.name for path in archived.parent.iterdir()] == [NAME]  # nothing half is left


def test_the_archive_takes_what_people_wrote(play: Play, reported: list[Path], archived: Path) -> None:
    import docx

    read = docx.Document(str(reported[1]))
    read.paragraphs[-1].add_run("明年再办。")
    read.save(str(reported[1]))
    edited = reported[1].read_bytes()
    report(play.settings)
    assert reported[1].read_bytes() == edited
    archive(play.settings)
    assert (archived / "report" / reported[1].name).read_bytes() == edited


def test_the_parameters_are_those_that_decided(play: Play, archived: Path) -> None:
    assert archived.exists()
    (file,) = play.settings.campaign_files
    before = file.read_bytes()
    file.write_bytes(before + b"# changed\n")
    with pytest.raises(ReportError, match="has changed since the last run"):
        report(play.settings)
    file.write_bytes(before)


def test_an_attempt_that_is_not_released_is_not_reported(play: Play, archived: Path) -> None:
    assert archived.exists()
    with connect(play.settings.warehouse_dsn) as conn:
        conn.execute("update raw.current_run set attempt_no = attempt_no + 1, state = 'DECIDED'")
    with pytest.raises(ReportError, match="the run of 2026-02-02 is begun and not released"):
        archive(play.settings)
