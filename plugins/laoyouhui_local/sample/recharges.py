"""The sample's recharges: each subscriber's month is drawn at once, so that any day can be written alone."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import NamedTuple

from laoyouhui_local.sample.facts import Spread, assumptions, chance, facts, payments
from laoyouhui_local.sample.subscribers import Subscriber


class Payment(NamedTuple):
    """One recharge, before anybody knows whether the channel takes something off. Money in fen."""

    recharge_id: str
    subscriber: Subscriber
    at: datetime
    face: int
    channel: str
    hall_code: str
    staff_id: str
    late_days: int  # its file comes so many days after it
    reversed_after: int  # days; 0 = never
    reversed_face: int
    first_of_tier: bool  # no earlier one of this amount in an offering channel in the campaign's month
    luck: float  # decides the channel's mistakes


class Row(NamedTuple):
    """One line of the recharge file, ended by LF, with what sorts it and its part of the control total in fen."""

    at: datetime
    recharge_id: str
    face: int
    line: str


class Recharges:
    """The recharges of all subscribers. `listed` tells whether the channel holds a subscriber as eligible on a day."""

    def __init__(
        self,
        seed: int,
        starts_on: date,
        subscribers: tuple[Subscriber, ...],
        listed: Callable[[str, date], bool],
    ) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._story_begins = starts_on - timedelta(days=1)
        self._subscribers = subscribers
        self._listed = listed
        chosen = assumptions()
        self._chosen = chosen
        self._amounts = payments()
        self._counts = Spread.of(facts()["payments_per_month"]["counts"])
        self._pulled = Spread.of(chosen["pull"]["fen"])
        self._channels = Spread.of(chosen["channels"])
        self._offer = {int(face): discount for face, discount in chosen["channel_offer_fen"].items()}
        self._month = lru_cache(maxsize=4)(self._draw_month)

    def of_day(self, day: date) -> tuple[Payment, ...]:
        """Give the recharges made on a day, in order of time."""
        return self._month(day.replace(day=1)).get(day, ())

    def rows(self, day: date) -> list[Row]:
        """Give what the file that closes a day holds: the day's recharges, late ones, reversals; in order of time."""
        rows = [self.row(payment) for payment in self._filed(day)]
        rows += [self._reversal(payment, day) for payment in self._reversed(day)]
        return sorted(rows)

    def row(self, payment: Payment) -> Row:
        """Spell a recharge with the discount that the channel took off."""
        return self._spell(payment, payment.recharge_id, payment.at, payment.face, "RECHARGE", "")

    def designated(self, hall_code: str, day: date) -> bool:
        """Tell whether a hall is on the list on a day."""
        for code, _, _, first, last in self._chosen["halls"]:
            if code == hall_code:
                since = (day - self._starts_on).days
                return bool(first <= since and (last is None or since <= last))
        return False

    def _filed(self, day: date) -> Iterator[Payment]:
        for days in (0, *self._chosen["late_days"]):
            yield from (payment for payment in self.of_day(day - timedelta(days=days)) if payment.late_days == days)

    def _reversed(self, day: date) -> Iterator[Payment]:
        first, last = self._chosen["reversed_after_days"]
        for days in range(first, last + 1):
            made_on = day - timedelta(days=days)
            if made_on < self._story_begins <= day:
                break  # its recharge stands in no file of the story
            yield from (payment for payment in self.of_day(made_on) if payment.reversed_after == days)

    def _reversal(self, payment: Payment, day: date) -> Row:
        at = datetime.combine(day, time(hour=9 + int(payment.luck * 8)))
        return self._spell(
            payment, f"V{payment.recharge_id[1:]}", at, payment.reversed_face, "REVERSAL", payment.recharge_id
        )

    def _spell(self, payment: Payment, recharge_id: str, at: datetime, face: int, kind: str, reverses: str) -> Row:
        paid = max(face - self._discount(payment), 0)
        line = (
            f"{recharge_id}|{payment.subscriber.subscriber_id}|{payment.subscriber.msisdn(payment.at.date())}|"
            f"{at:%Y%m%d%H%M%S}|{kind}|{reverses}|{face}|{paid}|{payment.channel}|{payment.hall_code}|{payment.staff_id}\n"
        )
        return Row(at, recharge_id, face, line)

    def _discount(self, payment: Payment) -> int:
        """Give what the channel took off: mostly what its list and the offer say, now and then something else."""
        offer = self._offer.get(payment.face, 0) if self._offers(payment) else 0
        if not offer or payment.at.date() < self._starts_on:
            return 0
        faults = self._chosen["channel_faults"]
        if not (payment.first_of_tier and self._listed(payment.subscriber.subscriber_id, payment.at.date())):
            return offer if payment.luck < faults["not_entitled"] else 0
        if payment.luck < faults["under"]:
            return 0
        return offer + 300 if payment.luck < faults["under"] + faults["over"] else offer

    def _offers(self, payment: Payment) -> bool:
        return payment.channel == "APP" or self.designated(payment.hall_code, payment.at.date())

    def _draw_month(self, month: date) -> dict[date, tuple[Payment, ...]]:
        days: defaultdict[date, list[Payment]] = defaultdict(list)
        for subscriber in self._subscribers:
            for payment in self._draw_subscriber(subscriber, month):
                days[payment.at.date()].append(payment)
        return {
            day: tuple(sorted(made, key=lambda payment: (payment.at, payment.recharge_id)))
            for day, made in days.items()
        }

    def _draw_subscriber(self, subscriber: Subscriber, month: date) -> Iterator[Payment]:
        draw = chance(self._seed, "recharges", subscriber.no, month)
        length = monthrange(month.year, month.month)[1]
        plan = []
        for _ in range(int(self._counts.draw(draw))):
            at = month + timedelta(days=draw.randrange(length))
            plan.append((self._moment(draw, at), int(self._amounts.draw(draw) or self._other_amount(draw)), ""))
        pulled_on = self._pulled_on(draw, subscriber, month)
        if pulled_on:
            channel = "APP" if draw.random() < self._chosen["pull"]["app_share"] else "HALL"
            plan.append((self._moment(draw, pulled_on), int(self._pulled.draw(draw)), channel))
        met: set[int] = set()
        for number, (at, face, channel) in enumerate(sorted(plan)):
            payment = self._payment(draw, subscriber, at, face, channel or self._channels.draw(draw), number)
            day = at.date()
            counts = day >= self._starts_on and self._offers(payment)
            if subscriber.joined_on <= day and (subscriber.left is None or day < subscriber.left[0]):
                yield payment._replace(first_of_tier=counts and face not in met)
                if counts:
                    met.add(face)

    def _payment(
        self, draw: Random, subscriber: Subscriber, at: datetime, face: int, channel: str, number: int
    ) -> Payment:
        chosen = self._chosen
        hall = ""
        if channel == "HALL":
            on_list = draw.random() < chosen["designated_hall_share"]
            hall = draw.choice([row[0] for row in chosen["halls"]] if on_list else chosen["other_halls"])
        late = draw.choice(chosen["late_days"]) if draw.random() < chosen["late_share"] else 0
        after = draw.randint(*chosen["reversed_after_days"]) if draw.random() < chosen["reversed_share"] else 0
        partly = draw.random() < chosen["partial_reversal_share"]
        return Payment(
            recharge_id=f"R{at:%Y%m%d}{subscriber.no:07d}{number:02d}",
            subscriber=subscriber,
            at=at,
            face=face,
            channel=channel,
            hall_code=hall,
            staff_id=f"{hall}{draw.randint(1, 6):02d}" if hall else "",
            late_days=late,
            reversed_after=after,
            reversed_face=(face + 1) // 2 if partly else face,
            first_of_tier=False,
            luck=draw.random(),
        )

    def _moment(self, draw: Random, day: date) -> datetime:
        """Draw a time of the day: most about the afternoon, some just after midnight."""
        seconds = int(draw.triangular(0, 86_399, 54_000))
        return datetime.combine(day, time()) + timedelta(seconds=seconds)

    def _other_amount(self, draw: Random) -> int:
        low, high = self._chosen["other_payment_fen"]
        return draw.randint(low, high)

    def _pulled_on(self, draw: Random, subscriber: Subscriber, month: date) -> date | None:
        """Say when the campaign brings a subscriber to one more recharge in a month, if it does."""
        pull = self._chosen["pull"]
        start = max(month, self._starts_on)
        willing = chance(self._seed, "pull", subscriber.no).random() < pull["share"]
        day = start + timedelta(days=draw.randrange(pull["days"]))
        return (
            day if willing and (start.year, start.month) == (month.year, month.month) == (day.year, day.month) else None
        )
