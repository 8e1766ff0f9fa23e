"""The monthly data gift: rules, 3."""

from __future__ import annotations

from laoyouhui.config.kinds import Code, Count, Fen, Section

EVENTS = {"data_gift": ("gigabytes", "megabytes", "valid_from", "valid_to", "month")}


class Terms(Section):
    """What is given each month, and what a GB costs."""

    months: Count
    megabytes: Count
    product_code: Code
    unit_price_fen_per_gb: Fen
