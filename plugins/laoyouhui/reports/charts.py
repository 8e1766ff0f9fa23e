"""Charts by matplotlib, the same bytes for the same figures. Their texts are codes and numbers: every font has them."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from laoyouhui.reports.summary import Chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 7.0  # inches
_ROW = 0.32  # inches a bar
_MOST_ROWS = 200  # a picture has less than 65,536 dots; the table beside it has every row
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "laoyouhui",
    "text.parse_math": False,
}  # `$` in a code is no formula


def svg(chart: Chart) -> str:
    """The chart as an `<svg>` element for use in a page: texts as texts, no namespace addresses."""
    import matplotlib as mpl

    written = io.StringIO()
    with mpl.rc_context(_STYLE):
        no_metadata: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        _draw(chart).savefig(written, format="svg", metadata=no_metadata)
    element = written.getvalue()[written.getvalue().index("<svg") :]
    # within HTML the element needs no namespaces; names of groups would stand once for each chart
    return re.sub(r' xmlns(:\w+)?="[^"]*"|(?<=<g) id="[^"]*"', "", element)


def png(chart: Chart) -> bytes:
    """The chart as a picture of 150 dots an inch."""
    import matplotlib as mpl

    written = io.BytesIO()
    with mpl.rc_context(_STYLE):
        _draw(chart).savefig(written, format="png", dpi=150, metadata={"Software": None})
    return written.getvalue()


def _draw(chart: Chart) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    in_fen = all(name.endswith("_fen") for name in chart.bars)
    labels = chart.labels[:_MOST_ROWS]
    height = 0.9 + _ROW * len(labels) * max(1, len(chart.bars) * 0.7)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    thick = 0.8 / len(chart.bars)
    for number, (name, lengths) in enumerate(chart.bars.items()):
        places = [at + number * thick for at in range(len(labels))]
        axes.barh(places, lengths[:_MOST_ROWS], height=thick, label=name.removesuffix("_fen"))
    middle = (len(chart.bars) - 1) * thick / 2
    axes.set_yticks([at + middle for at in range(len(labels))], labels)
    axes.invert_yaxis()  # the first row on top, as in the table
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 100:,.0f}" if in_fen else f"{value:,.0f}"))
    axes.set_xlabel("yuan" if in_fen else "count")
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.bars) > 1:
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(chart.bars))
    return figure
