"""The monthly data gift: rules, 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from laoyouhui.config.kinds import DAY, Code, Count, Section, UnitFen

EVENTS = {"data_gift": ("gigabytes", "megabytes", "valid_from", "valid_to", "month")}
MEETS = {
    "product_code": ("interfaces.data_grant.product_code",),
    "megabytes": ("interfaces.data_grant.megabytes",),
}


def longest(terms: Mapping[str, Any], _length: Callable[[str], int]) -> dict[str, str]:
    """The longest text that can stand for each placeholder."""
    megabytes = terms["megabytes"]
    return {
        "gigabytes": f"{megabytes // 1024}.00",
        "megabytes": str(megabytes),
        "valid_from": DAY,
        "valid_to": DAY,
        "month": "12月",
    }


class Terms(Section):
    """What is given each month, and what a GB costs."""

    months: Count
    megabytes: Count
    product_code: Code
    unit_price_fen_per_gb: UnitFen
