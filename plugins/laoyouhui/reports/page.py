"""The summary report as one self-contained HTML file: no address, no script, charts included."""

from __future__ import annotations

from pathlib import Path

from laoyouhui.reports.summary import Summary


def page(summary: Summary) -> bytes:
    """The page as UTF-8."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from laoyouhui.reports.charts import svg

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return f"{environment.get_template('page.html.j2').render(summary=summary, svg=svg)}\n".encode()
