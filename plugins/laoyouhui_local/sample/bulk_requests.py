"""What the subscribers of a big carrier ask for in a month, for measuring: family numbers, devices, cards, trials.

A day's requests of a feed are drawn at once, by seed, feed and date; what follows an earlier one, as a parcel its
payment, finds it by drawing that day again, and so do the few that come a day late. Nothing is kept but who looks
eligible. Shares are of the subscribers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import repeat
from pathlib import Path
from string import ascii_uppercase, digits
from typing import TYPE_CHECKING, NamedTuple

from laoyouhui_local.sample.facts import Spread, assumptions
from laoyouhui_local.sample.files import data_file, write_delivery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 20_000
_DAY, _ONE_DAY = 86_400, timedelta(days=1)
_TRIES = 8  # of so many drawn the first who looks eligible asks
_CURIOUS_SHARE = 0.1  # of those who ask: whoever it is
_OTHER_HALL, _HALL = "H010901", "H010001"  # not designated, and designated

_FAMILY_ASKERS = 0.0008  # a day; each for one to four numbers: 0.2 % requests a day
_FAMILY_NUMBERS = 4
_FAMILY_PAUSE = 300  # seconds at most between the requests of one asker
_REMOVED_AFTER_DAYS = 3

_DEVICE_ORDERS = 0.0003  # a day
_SHIPPED_AFTER_DAYS, _DELIVERED_AFTER_DAYS, _RETURNED_AFTER_DAYS = 1, 3, 7
_NOT_SHIPPED_SHARE = 0.02  # of those from the app
_SECOND_AFTER_DAYS = 4  # some of a day's orders are of who had ordered so many days before
_NOT_LISTED_SHARE = 0.005
_MISPRINTED_SHARE, _MISPRINTED_FEN = 0.003, 10_000  # the order names another list price
_OTHER_HALL_SHARE = 0.1  # of orders in halls

_CARD_CLAIMS = 0.003  # a day
_CLAIMED_AGAIN_SHARE = 0.03
_STOCK_FOR_DAYS = 30
_SHORT_PLATFORM, _SHORT_FOR_DAYS = "TENCENT", 0.4  # until as much as a day's claims comes on the last day
_EXPIRES_AFTER_DAYS = (20, 60, 90, 120, 150, 180)
_CODE_LENGTH = 14

_TRIAL_APPLICATIONS = 0.0005  # a day
_TRIALS = {"CLOUD": 0, "VRING": 9}  # asked for from so many days after the first
_TOO_EARLY_SHARE = 0.05
_APPLIED_AGAIN_SHARE, _APPLIED_AGAIN_AFTER_DAYS = 0.04, 2

_FEEDS = ("family_request", "device_order", "card_stock", "card_claim", "trial_application")


class _Order(NamedTuple):
    order_id: str
    who: int
    second: int  # of the day of each of its events
    sku: str
    channel: str
    hall: str
    list_fen: int
    paid_fen: int
    luck: float  # decides what follows

    def spell(self, day: date, event: str, prices: str) -> str:
        return (
            f"{self.order_id}{event[0]}|{self.order_id}|{_subscriber(self.who)}|{event}|{_moment(day, self.second)}|"
            f"{self.sku}|{prices}|{self.channel}|{self.hall}|{self.hall and f'{self.hall}01'}\n"
        )


@dataclass(frozen=True)
class Requests:
    """The requests of the subscribers of whom `eligible` says whether the channels hold them as eligible."""

    seed: int
    first_date: date
    eligible: NDArray[np.bool_]

    def write(self, exchange: Path, days: int) -> None:
        """Write the files of so many days into `in/`: the lists and the stock as they begin, more stock as they end."""
        last = self.first_date + timedelta(days=days - 1)
        catalogue = [
            f"{sku}|{brand}|{model}|{_yuan(fen)}|{self.first_date + timedelta(days=min(first, 0)):%Y%m%d}|\n"
            for sku, brand, model, fen, first in assumptions()["devices"]["catalogue"]
        ]
        _deliver(exchange, "device_catalogue", self.first_date, catalogue)
        claims_a_day = round(len(self.eligible) * _CARD_CLAIMS)
        shares = assumptions()["members"]["platforms"]
        bought = {
            platform: claims_a_day * share * (_SHORT_FOR_DAYS if platform == _SHORT_PLATFORM else _STOCK_FOR_DAYS)
            for platform, share in shares.items()
        }
        total = sum(shares.values())
        self._write_stock(exchange, self.first_date, {name: round(codes / total) for name, codes in bought.items()})
        self._write_stock(exchange, last, {_SHORT_PLATFORM: round(claims_a_day * shares[_SHORT_PLATFORM] / total)})
        asked = {
            "family_request": self.family_requests,
            "device_order": self.device_events,
            "card_claim": self.card_reservations,
            "trial_application": self.trial_applications,
        }
        for number in range(days):
            day = self.first_date + timedelta(days=number)
            for feed, rows in asked.items():
                lines = [
                    *([line for line, is_late in self._late(feed, day - _ONE_DAY, rows) if is_late] if number else ()),
                    *[line for line, is_late in self._late(feed, day, rows) if not is_late],
                ]
                _deliver(exchange, feed, day, lines)

    def _late(self, feed: str, day: date, rows: Callable[[date], list[str]]) -> Iterator[tuple[str, bool]]:
        """Give a day's lines, and of each whether it comes with the next day's file only."""
        lines = rows(day)
        late = self._draw(feed, day, part=2).random(len(lines)) < assumptions()["late_share"]
        return zip(lines, late.tolist(), strict=True)

    def family_requests(self, day: date) -> list[str]:
        """Spell a day's requests in order of time: numbers to add, and those that were added some days before."""
        rows = [
            (at + number * pause, who, "ADD", msisdn)
            for at, pause, who, msisdns in self._family_askers(day)
            for number, msisdn in enumerate(msisdns)
        ]
        draw = self._draw("family_request", day, part=1)
        before = day - timedelta(days=_REMOVED_AFTER_DAYS)
        for _, pause, who, (msisdn, *_) in self._family_askers(before) if before >= self.first_date else ():
            luck, at = draw.random(), int(draw.integers(0, _DAY - _FAMILY_PAUSE))
            if luck < assumptions()["family"]["removed_share"]:
                rows.append((at, who, "REMOVE", msisdn))
                if luck < assumptions()["family"]["removed_share"] / 2:
                    rows.append((at + pause, who, "ADD", str(self._msisdn(int(draw.integers(len(self.eligible)))))))
        rows.sort()
        app = draw.random(len(rows)) < assumptions()["family"]["app_share"]
        agents = draw.integers(1, 41, len(rows)).tolist()
        return [
            f"Q{day:%Y%m%d}{no:07d}|{_subscriber(who)}|{_moment(day, at)}|{action}|{msisdn}|"
            f"{'APP|' if in_app else f'HOTLINE|K{agent:03d}'}\n"
            for no, ((at, who, action, msisdn), in_app, agent) in enumerate(
                zip(rows, app.tolist(), agents, strict=True)
            )
        ]

    def _family_askers(self, day: date) -> Iterator[tuple[int, int, int, list[str]]]:
        """Give for each who asks on a day: the second of the first request, the seconds between, who, which numbers."""
        chosen = assumptions()["family"]
        size = round(len(self.eligible) * _FAMILY_ASKERS)
        draw = self._draw("family_request", day)
        who = self._askers(draw, size).tolist()
        at = draw.integers(0, _DAY - _FAMILY_NUMBERS * _FAMILY_PAUSE, size).tolist()
        pause = draw.integers(20, _FAMILY_PAUSE, size).tolist()
        count = draw.integers(1, _FAMILY_NUMBERS + 1, size).tolist()
        others = draw.integers(0, len(self.eligible), (size, _FAMILY_NUMBERS)).tolist()
        luck = draw.random((size, _FAMILY_NUMBERS)).tolist()
        again = (draw.random(size) < chosen["again_share"]).tolist()
        for row in range(size):
            numbers = [
                str(self._msisdn(who[row]))
                if chance < chosen["self_share"]
                else f"139{other % 10**8:08d}"
                if chance > 1 - chosen["other_carrier_share"]
                else str(self._msisdn(other))
                for chance, other in zip(luck[row][: count[row]], others[row], strict=False)
            ]
            if again[row]:
                numbers[-1] = numbers[0]
            yield at[row], pause[row], who[row], numbers

    def device_events(self, day: date) -> list[str]:
        """Spell what happens to orders on a day, in order of time."""
        rows = [
            (order.second, order.spell(day, "PAID", f"{_yuan(order.list_fen)}|{_yuan(order.paid_fen)}"))
            for order in self._device_orders(day)
        ]
        steps = {
            "SHIPPED": _SHIPPED_AFTER_DAYS,
            "DELIVERED": _DELIVERED_AFTER_DAYS,
            "RETURNED": _RETURNED_AFTER_DAYS,
        }
        for event, after in steps.items():
            paid_on = day - timedelta(days=after)
            for order in self._device_orders(paid_on) if paid_on >= self.first_date else ():
                is_returned = order.luck < assumptions()["devices"]["returned_share"]
                is_shipped = order.channel == "APP" and order.luck < 1 - _NOT_SHIPPED_SHARE
                if is_returned if event == "RETURNED" else is_shipped:
                    rows.append((order.second, order.spell(day, event, "|")))
        return [line for _, line in sorted(rows)]

    def _device_orders(self, day: date) -> Iterator[_Order]:
        chosen = assumptions()["devices"]
        size = round(len(self.eligible) * _DEVICE_ORDERS)
        draw = self._draw("device_order", day)
        who = self._askers(draw, size)
        before = day - timedelta(days=_SECOND_AFTER_DAYS)
        seconds = round(size * chosen["second_share"]) if before >= self.first_date else 0
        if seconds:
            who[:seconds] = self._askers(self._draw("device_order", before), size)[-seconds:]
        listed = [(sku, fen) for sku, _, _, fen, _ in chosen["catalogue"]]
        at = draw.integers(0, _DAY, size).tolist()
        wanted = draw.integers(0, len(listed), size).tolist()
        in_app, other_hall, unlisted, misprinted, faulty, luck = draw.random((6, size)).tolist()
        looks = self.eligible[who].tolist()
        for row, one in enumerate(who.tolist()):
            sku, fen = listed[wanted[row]]
            rate = [bp for first, bp in chosen["offer_bp"] if first <= fen][-1]
            offer = fen - (2 * fen * rate + 10_000) // 20_000  # half up to the fen
            entitled = looks[row] and row >= seconds
            is_faulty = faulty[row] < chosen["fault_share"]
            is_app = in_app[row] < chosen["app_share"]
            yield _Order(
                order_id=f"O{day:%Y%m%d}{row:06d}",
                who=one,
                second=at[row],
                sku="XX-NONE" if unlisted[row] < _NOT_LISTED_SHARE else sku,
                channel="APP" if is_app else "HALL",
                hall="" if is_app else _OTHER_HALL if other_hall[row] < _OTHER_HALL_SHARE else _HALL,
                list_fen=fen + (_MISPRINTED_FEN if misprinted[row] < _MISPRINTED_SHARE else 0),
                paid_fen=fen - (offer if entitled != is_faulty else 0),
                luck=luck[row],
            )

    def card_reservations(self, day: date) -> list[str]:
        """Spell a day's claims in order of time; some ask twice."""
        size = round(len(self.eligible) * _CARD_CLAIMS)
        again = round(size * _CLAIMED_AGAIN_SHARE)
        draw = self._draw("card_claim", day)
        who = self._askers(draw, size)
        who[size - again :] = who[:again]
        spread = Spread.of(assumptions()["members"]["platforms"])
        platform = draw.integers(0, spread.cumulative[-1], size).tolist()
        rows = sorted(zip(draw.integers(0, _DAY, size).tolist(), who.tolist(), platform, strict=True))
        names = [
            spread.values[next(k for k, edge in enumerate(spread.cumulative) if place < edge)]
            for place in range(spread.cumulative[-1])
        ]
        return [
            f"K{day:%Y%m%d}{no:07d}|{_subscriber(one)}|{_moment(day, at)}|{names[place]}\n"
            for no, (at, one, place) in enumerate(rows)
        ]

    def _write_stock(self, exchange: Path, day: date, codes: dict[str, int]) -> None:
        write_delivery(
            data_file(exchange, "card_stock", day, 1),
            self._stock(day, codes),
            rows=sum(codes.values()),
            control_total="",
        )

    def _stock(self, day: date, codes: dict[str, int]) -> Iterator[str]:
        import numpy as np

        letters = np.array(list(ascii_uppercase + digits))
        dates = [f"{day + timedelta(days=after):%Y%m%d}" for after in _EXPIRES_AFTER_DAYS]
        draw = self._draw("card_stock", day)
        for platform, count in codes.items():
            rest = f"|{platform}|{day:%Y%m%d}|"
            cost = assumptions()["members"]["cost_yuan"][platform]
            for start in range(0, count, _BLOCK):
                size = min(_BLOCK, count - start)
                places = draw.integers(0, len(letters), (size, _CODE_LENGTH))
                expires = draw.integers(0, len(dates), size).tolist()
                words = np.ascontiguousarray(letters[places]).view(f"U{_CODE_LENGTH}").ravel().tolist()
                yield "".join(
                    f"{code}{between}{dates[on]}|{cost}\n"
                    for code, on, between in zip(words, expires, repeat(rest, size), strict=True)
                )

    def trial_applications(self, day: date) -> list[str]:
        """Spell a day's applications in order of time; some for what is not open yet, some again."""
        rows = list(self._applications(day))
        before = day - timedelta(days=_APPLIED_AGAIN_AFTER_DAYS)
        if before >= self.first_date:
            again = round(len(rows) * _APPLIED_AGAIN_SHARE)
            rows[:again] = list(self._applications(before))[len(rows) - again :]
        rows.sort()
        return [
            f"T{day:%Y%m%d}{no:07d}|{_subscriber(who)}|{_moment(day, at)}|{trial}\n"
            for no, (at, who, trial) in enumerate(rows)
        ]

    def _applications(self, day: date) -> Iterator[tuple[int, int, str]]:
        size = round(len(self.eligible) * _TRIAL_APPLICATIONS)
        draw = self._draw("trial_application", day)
        asked_for = [code for code, first in _TRIALS.items() if first <= (day - self.first_date).days]
        who, at = self._askers(draw, size).tolist(), draw.integers(0, _DAY, size).tolist()
        early = draw.random(size) < _TOO_EARLY_SHARE
        places = draw.integers(0, len(_TRIALS) * len(asked_for), size).tolist()
        for one, second, is_early, place in zip(who, at, early.tolist(), places, strict=True):
            trials = list(_TRIALS) if is_early else asked_for
            yield second, one, trials[place % len(trials)]

    def _draw(self, feed: str, day: date, part: int = 0) -> np.random.Generator:
        import numpy as np

        return np.random.default_rng((self.seed, day.toordinal(), _FEEDS.index(feed), part))

    def _askers(self, draw: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Draw who asks: mostly who looks eligible, and some of all."""
        import numpy as np

        tried = draw.integers(0, len(self.eligible), (size, _TRIES))
        chosen = self.eligible[tried]
        chosen[:, 0] |= draw.random(size) < _CURIOUS_SHARE
        return tried[np.arange(size), chosen.argmax(axis=1)]  # type: ignore[no-any-return]

    @staticmethod
    def _msisdn(number: int) -> int:
        return 13_000_000_000 + number


def _deliver(exchange: Path, feed: str, day: date, lines: list[str]) -> None:
    control_total = ""
    if feed == "device_order":  # of the prices paid, which stand in two decimals
        control_total = _yuan(sum(int(line.split("|")[7].replace(".", "") or 0) for line in lines))
    write_delivery(data_file(exchange, feed, day, 1), lines, rows=len(lines), control_total=control_total)


def _subscriber(number: int) -> str:
    return f"8086{number:010d}"


def _moment(day: date, second: int) -> str:
    return f"{day:%Y%m%d}{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
