"""A month of a big carrier, for measuring: the distributions of the sample carrier, without its stories.

Rows are drawn and spelled in blocks: of a subscriber nothing stays in memory but one byte, eligible or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from laoyouhui_local.sample.bulk_requests import Requests
from laoyouhui_local.sample.facts import Spread, assumptions, facts, payments
from laoyouhui_local.sample.files import data_file, write_delivery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 20_000
# what a later snapshot changes, of all subscribers
_SUSPENDED_SHARE = 0.001
_CLOSED_SHARE, _PORTED_OUT_SHARE = 0.00016, 0.00009
_VERIFIED_SHARE = 0.01  # of those who were not
_HALL = "H010001"


def write_month(
    exchange: Path,
    *,
    subscribers: int,
    first_date: date,
    days: int,
    recharges_factor: float = 1.2,
    seed: int = 2026,
    snapshots_on: tuple[date, ...] = (),
) -> int:
    """Write the files of a month into `in/` and give the number of recharges.

    One hall list closes the first of `snapshots_on` (default: `first_date` and the last day), a snapshot of all
    subscribers each of them, in the later ones some were suspended, closed, ported out or verified; `recharges_factor`
    times the subscribers recharge, evenly over `days` days from `first_date`, one file a day. Tenure is counted to
    `first_date`. The channels take the discount off for those who look eligible. What else they ask for is in
    `bulk_requests`.
    """
    import numpy as np

    snapshot_dates = snapshots_on or (first_date, first_date + timedelta(days=days - 1))
    hall = data_file(exchange, "hall", snapshot_dates[0], 1)
    write_delivery(hall, [f"{_HALL}|王府井营业厅|010|20240101|\n"], rows=1, control_total="")
    eligible = np.zeros(subscribers, dtype=bool)
    for number, day in enumerate(snapshot_dates):
        lines = _snapshot(subscribers, seed, first_date, snapshot_dates[1 : number + 1], eligible)
        write_delivery(data_file(exchange, "subscriber", day, 1), lines, rows=subscribers, control_total="")
    total = round(subscribers * recharges_factor)
    for number in range(days):
        _write_day(
            exchange,
            seed,
            first_date + timedelta(days=number),
            total * (number + 1) // days - total * number // days,
            eligible,
        )
    Requests(seed, first_date, eligible).write(exchange, days)
    return total


def _snapshot(
    subscribers: int, seed: int, first_date: date, changed_on: tuple[date, ...], eligible: NDArray[np.bool_]
) -> Iterator[str]:
    """Give blocks of lines, with the changes of so many days; fills `eligible` as it goes."""
    import numpy as np

    known, chosen = facts(), assumptions()
    birth = np.interp(np.arange(1000) / 10, known["age_years"]["at_percent"], known["age_years"]["quantiles"])
    tenures = _tenure_grid()
    cities, segments = _grid(Spread.of(chosen["cities"])), _grid(Spread.of(chosen["segments"]))
    plans, genders = _grid(Spread.of(known["plan_fee_yuan"]["counts"])), _grid(Spread.of(known["gender"]["counts"]))
    dates = [f"{first_date - timedelta(days=k):%Y%m%d}" for k in range(int(tenures.max()) + 1)]
    years = [str(first_date.year - int(age)) for age in birth]
    five_years = (first_date - first_date.replace(year=first_date.year - 5, day=min(first_date.day, 28))).days
    for start in range(0, subscribers, _BLOCK):
        size = min(_BLOCK, subscribers - start)
        draw = np.random.default_rng((seed, start))
        place = draw.integers(0, 1000, size=(6, size)).tolist()
        tenure = tenures[draw.integers(0, len(tenures), size)]
        share = draw.random((5, size))
        missing = share[0] * 10_000 < known["activation_missing"]["per_10000"]
        suspended = share[1] < chosen["suspended_in_bulk_share"]
        secondary = share[2] < chosen["joined_customer_share"] * chosen["secondary_share_of_joined"]
        unverified = share[3] < chosen["not_verified_share"]
        refused = share[4] < chosen["no_sms_consent_share"]
        consumer = np.array([segments[k] == "CONSUMER" for k in place[1]])
        eligible[start : start + size] = (
            (tenure >= five_years) & ~missing & ~suspended & ~secondary & ~unverified & consumer
        )
        status, since = np.where(suspended, "S", "A"), np.where(suspended, dates[0], "")
        for number, day in enumerate(changed_on, 1):
            luck = np.random.default_rng((seed, start, number)).random(size)
            edges = np.cumsum((_SUSPENDED_SHARE, _CLOSED_SHARE, _PORTED_OUT_SHARE))
            changed = (luck < edges[-1]) & ((status == "A") | (status == "S"))
            status[changed] = np.array(["S", "C", "P"])[np.searchsorted(edges, luck[changed], side="right")]
            since[changed] = f"{day:%Y%m%d}"
            unverified &= luck < 1 - _VERIFIED_SHARE
        yield "".join(
            f"8086{no:010d}|{13_000_000_000 + no}|C{no:010d}|{cities[city]}|{'' if gap else dates[days]}|"
            f"{state}|{on or dates[days]}|{segments[segment]}|"
            f"{'SECONDARY' if second else 'MAIN'}|{'N' if unknown else 'Y'}|||P{plans[plan]}|"
            f"{years[age]}|{genders[gender]}|{'N' if silent else 'Y'}\n"
            for no, (city, segment, plan, age, gender, days, gap, state, on, second, unknown, silent) in enumerate(
                zip(
                    *place[:5],
                    tenure.tolist(),
                    missing.tolist(),
                    status.tolist(),
                    since.tolist(),
                    secondary.tolist(),
                    unverified.tolist(),
                    refused.tolist(),
                    strict=True,
                ),
                start,
            )
        )


def _write_day(exchange: Path, seed: int, day: date, rows: int, eligible: NDArray[np.bool_]) -> None:
    """Write one day's recharges; the amounts are drawn twice, for the control total first."""
    total = sum(int(faces.sum()) for _, faces, _ in _faces(seed, day, rows))
    write_delivery(
        data_file(exchange, "recharge", day, 1),
        _recharges(seed, day, rows, eligible),
        rows=rows,
        control_total=str(total),
    )


def _faces(seed: int, day: date, rows: int) -> Iterator[tuple[int, NDArray[np.int64], np.random.Generator]]:
    """Give for each block its first row's number, the amounts in fen, and the chance to draw the rest from."""
    import numpy as np

    spread = payments()
    amounts = np.array([int(value or 0) for value in spread.values])
    edges = np.array(spread.cumulative)
    low, high = assumptions()["other_payment_fen"]
    for start in range(0, rows, _BLOCK):
        size = min(_BLOCK, rows - start)
        draw = np.random.default_rng((seed, day.toordinal(), start))
        faces = amounts[np.searchsorted(edges, draw.integers(0, edges[-1], size), side="right")]
        yield start, np.where(faces == 0, draw.integers(low, high + 1, size), faces), draw


def _recharges(seed: int, day: date, rows: int, eligible: NDArray[np.bool_]) -> Iterator[str]:
    import numpy as np

    chosen = assumptions()
    today = f"{day:%Y%m%d}"
    channels = np.array(_grid(Spread.of(chosen["channels"])))
    offers = {int(face): discount for face, discount in chosen["channel_offer_fen"].items()}
    for start, faces, draw in _faces(seed, day, rows):
        size = len(faces)
        who = draw.integers(0, len(eligible), size)
        channel = channels[draw.integers(0, len(channels), size)]
        offered = eligible[who] & ((channel == "APP") | (channel == "HALL"))
        discount = np.zeros(size, dtype=np.int64)
        for face, fen in offers.items():
            discount[offered & (faces == face)] = fen
        seconds = (start + np.arange(size)) * 86_400 // rows
        at = (seconds // 3600 * 10_000 + seconds // 60 % 60 * 100 + seconds % 60).tolist()
        yield "".join(
            f"R{today}{no:09d}|8086{one:010d}|{13_000_000_000 + one}|{today}{clock:06d}|RECHARGE||{face}|{face - less}|"
            f"{way}|{_HALL if way == 'HALL' else ''}|\n"
            for no, (one, clock, face, less, way) in enumerate(
                zip(who.tolist(), at, faces.tolist(), discount.tolist(), channel.tolist(), strict=True), start
            )
        )


def _grid(spread: Spread) -> list[str]:
    """Spread a distribution over a thousand places, so that a place can be drawn instead of a weight."""
    edges, total = spread.cumulative, spread.cumulative[-1]
    grid, k = [], 0
    for place in range(1000):
        while edges[k] * 1000 <= place * total:
            k += 1
        grid.append(spread.values[k])
    return grid


def _tenure_grid() -> NDArray[np.int64]:
    """Give ten thousand tenures in days, as the sample carrier draws them."""
    import numpy as np

    from laoyouhui_local.sample.facts import chance, tenure_days

    years = Spread.of(facts()["tenure_full_years"]["counts"])
    source = chance(0, "tenure grid")
    return np.array([tenure_days(source, years) for _ in range(10_000)])
