"""The summary report as a document that people edit (.docx): the same tables, the charts as pictures."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, time
from typing import TYPE_CHECKING

from laoyouhui.reports.summary import Section, Summary, Table

if TYPE_CHECKING:
    from docx.document import Document

_FONT = "Microsoft YaHei"  # of the reader's machine, which uses another if it lacks this one
_LATIN = "Calibri"
_MANY_COLUMNS = 7  # in smaller letters


def document(summary: Summary) -> bytes:
    """The document's bytes, the same for the same summary: its date is the last closed business date."""
    import docx

    made = docx.Document()
    _dress(made, summary)
    made.add_heading(f"{summary.campaign_name} {summary.title}", level=0)
    _grid(made, [(name, value) for name, value in summary.facts])
    for number, section in enumerate(summary.sections, start=1):
        _section(made, number, section)
    made.add_heading(f"{len(summary.sections) + 1} 经验与改进", level=1)
    for lesson in summary.lessons:
        made.add_heading(lesson, level=2)
        for _ in range(3):
            made.add_paragraph("（请填写）", style="List Bullet")
    made.add_heading("附录：查询语句", level=1).paragraph_format.page_break_before = True
    made.add_paragraph("在数据仓库中执行，可得到同编号表中的数字；%(campaign)s 为活动代码，金额单位为分。")
    for section in summary.sections:
        for table in section.tables:
            made.add_heading(f"查询 {table.number} {table.title}", level=2)
            _small(made, table.query, size=8)
    written = io.BytesIO()
    made.save(written)
    return _without_clock(written.getvalue())


def _dress(made: Document, summary: Summary) -> None:
    """Chinese fonts for every style; author and date, independent of the clock."""
    from docx.oxml.ns import qn
    from docx.shared import Cm

    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Heading 3", "List Bullet"):
        style = made.styles[name]
        style.font.name = _LATIN
        style.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
    for page in made.sections:
        page.left_margin = page.right_margin = Cm(2)
    about = made.core_properties
    about.author = about.last_modified_by = "老友惠"
    about.title = f"{summary.campaign_name} {summary.title}"[:255]  # which the format allows
    about.comments = ""
    about.revision = 1
    about.created = about.modified = datetime.combine(summary.closed_to, time())


def _section(made: Document, number: int, section: Section) -> None:
    made.add_heading(f"{number} {section.title}", level=1)
    if section.text:
        made.add_paragraph(section.text)
    for table in section.tables:
        _table(made, table)


def _table(made: Document, table: Table) -> None:
    from docx.shared import Cm

    from laoyouhui.reports.charts import png

    caption = made.add_paragraph()
    caption.add_run(f"表 {table.number} {table.title}").bold = True
    caption.paragraph_format.keep_with_next = True
    if table.rows:
        _grid(made, [table.headings, *table.rows], table.is_number)
    else:
        made.add_paragraph("无记录。")
    if table.chart:
        made.add_picture(io.BytesIO(png(table.chart)), width=Cm(16))
        _small(made, f"图 {table.number} {table.title}")
    if table.note:
        _small(made, table.note)
    _small(made, f"数据来源：{'、'.join(table.sources)}（查询 {table.number}）")


def _grid(made: Document, rows: list[tuple[str, ...]], is_number: tuple[bool, ...] = ()) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    width = len(rows[0])
    grid = made.add_table(rows=len(rows), cols=width, style="Light Grid Accent 2")
    for line, texts in zip(grid.rows, rows, strict=True):
        for at, (cell, text) in enumerate(zip(line.cells, texts, strict=True)):
            paragraph = cell.paragraphs[0]
            paragraph.add_run(text).font.size = Pt(7 if width >= _MANY_COLUMNS else 9)
            if is_number and is_number[at]:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _small(made: Document, text: str, size: int = 9) -> None:
    from docx.shared import Pt

    made.add_paragraph().add_run(text).font.size = Pt(size)


def _without_clock(content: bytes) -> bytes:
    """The same parts in a zip file without modification times."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            made.writestr(zipfile.ZipInfo(name), given.read(name), zipfile.ZIP_DEFLATED)  # of 1980-01-01
    return written.getvalue()
