"""The sample's family numbers: what subscribers ask for, drawn at once, so that any day can be written alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property

from laoyouhui_local.sample.facts import assumptions, chance
from laoyouhui_local.sample.subscribers import Subscriber


class FamilyRequests:
    """The requests of all subscribers from the campaign's first day on; a few come twice, or are for oneself."""

    def __init__(self, seed: int, starts_on: date, subscribers: tuple[Subscriber, ...]) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._subscribers = subscribers

    def lines(self, day: date) -> list[str]:
        """Spell the requests made on a day, in order of time."""
        return [line for _, line in sorted(self._by_day.get(day, ()))]

    @cached_property
    def _by_day(self) -> dict[date, list[tuple[datetime, str]]]:
        days: defaultdict[date, list[tuple[datetime, str]]] = defaultdict(list)
        for subscriber in self._subscribers:
            for at, line in self._requests(subscriber):
                days[at.date()].append((at, line))
        return dict(days)

    def _requests(self, subscriber: Subscriber) -> Iterator[tuple[datetime, str]]:
        chosen = assumptions()["family"]
        draw = chance(self._seed, "family", subscriber.no)
        if draw.random() >= chosen["share"]:
            return
        # most come as the campaign begins
        days = chosen["days"] * draw.random() ** 2
        at = datetime.combine(self._starts_on, time(8)) + timedelta(minutes=int(1440 * days))
        numbers = [self._number(draw.random(), subscriber, at.date()) for _ in range(draw.randint(*chosen["numbers"]))]
        if draw.random() < chosen["again_share"]:
            numbers.append(numbers[0])
        wishes = [("ADD", number) for number in numbers]
        if draw.random() < chosen["removed_share"]:
            wishes.append(("REMOVE", numbers[0]))
        for place, (action, number) in enumerate(wishes):
            # what is taken out is so some days later
            at += timedelta(days=draw.randint(1, 6) if action == "REMOVE" else 0, seconds=draw.randint(20, 300))
            if subscriber.joined_on > at.date() or subscriber.status(at.date())[0] not in "AS":
                continue
            by = "APP|" if draw.random() < chosen["app_share"] else f"HOTLINE|K{draw.randint(1, 40):03d}"
            request = f"Q{subscriber.no:07d}{place:02d}"
            yield at, f"{request}|{subscriber.subscriber_id}|{at:%Y%m%d%H%M%S}|{action}|{number}|{by}\n"

    def _number(self, luck: float, subscriber: Subscriber, day: date) -> str:
        """Give a number to add: mostly another subscriber's; now and then another carrier's, or one's own."""
        chosen = assumptions()["family"]
        if luck < chosen["self_share"]:
            return subscriber.msisdn(max(day, subscriber.joined_on))
        if luck > 1 - chosen["other_carrier_share"]:
            return f"139{int(luck * 10**8) % 10**8:08d}"
        other = self._subscribers[int(luck * 10**6) % len(self._subscribers)]
        return other.msisdn(max(day, other.joined_on))
