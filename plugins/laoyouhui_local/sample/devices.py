"""The sample's device shop: the list of devices and the orders, drawn at once, so that any day can be written alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property
from random import Random
from typing import NamedTuple

from laoyouhui_local.sample.facts import assumptions, chance
from laoyouhui_local.sample.subscribers import Subscriber

_BASIS_POINTS = 10_000


class _Order(NamedTuple):
    order_id: str
    subscriber: Subscriber
    at: datetime
    sku: str
    list_fen: int
    channel: str
    hall_code: str
    staff_id: str
    luck: float  # decides the shop's mistakes
    is_first: bool  # of its subscriber


class DeviceOrders:
    """The orders of all subscribers. `listed` tells whether the shop holds a subscriber as eligible on a day."""

    def __init__(
        self, seed: int, starts_on: date, subscribers: tuple[Subscriber, ...], listed: Callable[[str, date], bool]
    ) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._subscribers = subscribers
        self._listed = listed
        self._chosen = assumptions()["devices"]

    def catalogue(self) -> list[str]:
        """Spell the list of devices."""
        return [
            f"{sku}|{brand}|{model}|{_yuan(fen)}|{self._starts_on + timedelta(days=first):%Y%m%d}|\n"
            for sku, brand, model, fen, first in self._chosen["catalogue"]
        ]

    def rows(self, day: date) -> list[tuple[int, str]]:
        """Give what happened to orders on a day, in order of time: the price paid in fen, and the line."""
        return [(fen, line) for _, fen, line in sorted([*self._events.get(day, ()), *self._payments(day)])]

    def _payments(self, day: date) -> Iterator[tuple[datetime, int, str]]:
        for order in self._orders:
            if order.at.date() == day:
                paid = order.list_fen - self._discount(order)
                yield (
                    order.at,
                    paid,
                    self._spell(order, "PAID", order.at, "P", f"{_yuan(order.list_fen)}|{_yuan(paid)}"),
                )

    def _discount(self, order: _Order) -> int:
        """Give what the shop took off: mostly what its list and the offer say, now and then something else."""
        rate = [bp for first, bp in self._chosen["offer_bp"] if first <= order.list_fen][-1]
        # half up to the fen
        offer = order.list_fen - (2 * order.list_fen * rate + _BASIS_POINTS) // (2 * _BASIS_POINTS)
        entitled = order.is_first and self._listed(order.subscriber.subscriber_id, order.at.date())
        if order.luck < self._chosen["fault_share"]:
            return 0 if entitled else offer
        return offer if entitled else 0

    def _spell(self, order: _Order, event: str, at: datetime, mark: str, prices: str) -> str:
        return (
            f"{order.order_id}{mark}|{order.order_id}|{order.subscriber.subscriber_id}|{event}|{at:%Y%m%d%H%M%S}|"
            f"{order.sku}|{prices}|{order.channel}|{order.hall_code}|{order.staff_id}\n"
        )

    @cached_property
    def _orders(self) -> list[_Order]:
        return sorted(self._draw(), key=lambda order: (order.at, order.order_id))

    @cached_property
    def _events(self) -> dict[date, list[tuple[datetime, int, str]]]:
        """What follows the payments: shipped and delivered where bought in the app, returned now and then."""
        days: defaultdict[date, list[tuple[datetime, int, str]]] = defaultdict(list)
        for order in self._orders:
            draw = chance(self._seed, "device life", order.order_id)
            at = order.at
            steps = [("SHIPPED", "S", self._chosen["shipped_after_hours"]), ("DELIVERED", "D", [20, 90])]
            for event, mark, hours in steps if order.channel == "APP" else []:
                at += timedelta(hours=draw.randint(*hours))
                days[at.date()].append((at, 0, self._spell(order, event, at, mark, "|")))
            if draw.random() < self._chosen["returned_share"]:
                at += timedelta(days=draw.randint(1, 7))
                days[at.date()].append((at, 0, self._spell(order, "RETURNED", at, "R", "|")))
        return dict(days)

    def _draw(self) -> Iterator[_Order]:
        chosen = self._chosen
        skus = [(row[0], row[3]) for row in chosen["catalogue"]]
        for subscriber in self._subscribers:
            draw = chance(self._seed, "devices", subscriber.no)
            orders = 0 if draw.random() >= chosen["share"] else 2 if draw.random() < chosen["second_share"] else 1
            # most come as the campaign begins
            days = chosen["days"] * draw.random() ** 2
            at = datetime.combine(self._starts_on, time(8)) + timedelta(minutes=int(1440 * days))
            for number in range(orders):
                at += timedelta(hours=number * 30)
                if subscriber.joined_on <= at.date() and subscriber.status(at.date())[0] in "AS":
                    yield self._order(draw, subscriber, at, number, skus)

    def _order(
        self, draw: Random, subscriber: Subscriber, at: datetime, number: int, skus: list[tuple[str, int]]
    ) -> _Order:
        sku, fen = draw.choice(skus)
        in_app = draw.random() < self._chosen["app_share"]
        hall = "" if in_app else draw.choice(["H010001", "H021001"])
        return _Order(
            order_id=f"O{subscriber.no:07d}{number:02d}",
            subscriber=subscriber,
            at=at,
            sku=sku,
            list_fen=fen,
            channel="APP" if in_app else "HALL",
            hall_code=hall,
            staff_id=f"{hall}{draw.randint(1, 6):02d}" if hall else "",
            luck=draw.random(),
            is_first=number == 0,
        )


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
