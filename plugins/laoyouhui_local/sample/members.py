"""What members ask for in the sample: claims of video cards, applications for trials; and the codes that are bought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from string import ascii_uppercase, digits

from laoyouhui_local.sample.facts import Spread, assumptions, chance
from laoyouhui_local.sample.subscribers import Subscriber

_CODE_LENGTH = 14


class Members:
    """Claims, applications and stock of any day. `listed` tells whether the channels hold a subscriber as eligible."""

    def __init__(
        self,
        seed: int,
        starts_on: date,
        subscribers: tuple[Subscriber, ...],
        listed: Callable[[str, date], bool],
    ) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._subscribers = subscribers
        self._listed = listed
        self._chosen = assumptions()["members"]
        self._platforms = Spread.of(self._chosen["platforms"])

    def stock(self, day: date) -> list[str]:
        """Spell the codes that are delivered on a day; none on most."""
        bought = self._chosen["stock_on_days"].get(str((day - self._starts_on).days), {})
        lines = []
        for platform, count in bought.items():
            draw = chance(self._seed, "card stock", day, platform)
            for _ in range(count):
                code = "".join(draw.choices(ascii_uppercase + digits, k=_CODE_LENGTH))
                expires = day + timedelta(days=draw.choice(self._chosen["expires_after_days"]))
                cost = self._chosen["cost_yuan"][platform]
                lines.append(f"{code}|{platform}|{day:%Y%m%d}|{expires:%Y%m%d}|{cost}\n")
        return lines

    def claims(self, day: date) -> list[str]:
        """Spell the claims made on a day, in the order of their time."""
        lines = []
        for subscriber in self._asking(day):
            draw = chance(self._seed, "card claim", subscriber.no, day.replace(day=1))
            if draw.random() >= self._chosen["claim_share"]:
                continue
            first = max(day.replace(day=1), self._starts_on)
            made_on = first + timedelta(days=draw.randrange(self._chosen["claim_days"]))
            again_on = made_on + timedelta(days=draw.randint(0, 3))
            again = draw.random() < self._chosen["again_share"]
            platform = self._platforms.draw(draw)
            for number, on in enumerate((made_on, again_on) if again else (made_on,)):
                at = _moment(draw, on)
                if on == day:
                    claim = f"K{on:%Y%m%d}{subscriber.no:07d}{number}"
                    lines.append((at, f"{claim}|{subscriber.subscriber_id}|{at:%Y%m%d%H%M%S}|{platform}\n"))
        return [line for _, line in sorted(lines)]

    def applications(self, day: date) -> list[str]:
        """Spell the applications for trials made on a day, in the order of their time."""
        lines = []
        for code, trial in self._chosen["trials"].items():
            if not 0 <= (day - self._starts_on).days - trial["from_day"] < trial["days"]:
                continue
            for subscriber in self._asking(day):
                draw = chance(self._seed, "trial", code, subscriber.no)
                applies = draw.random() < trial["share"]
                on = self._starts_on + timedelta(days=trial["from_day"] + draw.randrange(trial["days"]))
                if applies and on == day:
                    at = _moment(draw, on)
                    application = f"T{on:%Y%m%d}{subscriber.no:07d}"
                    lines.append((at, f"{application}|{subscriber.subscriber_id}|{at:%Y%m%d%H%M%S}|{code}\n"))
        return [line for _, line in sorted(lines)]

    def _asking(self, day: date) -> Iterator[Subscriber]:
        """Whom the app shows the offer on a day, and some who ask although it does not."""
        for subscriber in self._subscribers:
            if day < self._starts_on or subscriber.joined_on > day or (subscriber.left and subscriber.left[0] <= day):
                continue
            curious = chance(self._seed, "curious", subscriber.no).random() < self._chosen["curious_share"]
            if curious or self._listed(subscriber.subscriber_id, day):
                yield subscriber


def _moment(draw: Random, day: date) -> datetime:
    return datetime.combine(day, time()) + timedelta(seconds=int(draw.triangular(0, 86_399, 72_000)))
