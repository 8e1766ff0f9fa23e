"""What the sample carrier tells beside the benefits: trainings, tests, stock, tickets, surveys, social media."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from laoyouhui_local.sample.facts import assumptions, chance
from laoyouhui_local.sample.subscribers import Subscriber

_ANSWERED_WITHIN_DAYS = 4  # no ticket lives longer


class Duties:
    """Lines of the feeds of duties, each following from the seed and the date alone."""

    def __init__(self, seed: int, starts_on: date, subscribers: Sequence[Subscriber]) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._subscribers = subscribers
        self._chosen: dict[str, Any] = assumptions()["duties"]

    def feeds(self) -> dict[str, Callable[[date], list[str]]]:
        """Each feed's lines by date; an empty list is an empty file where the feed is daily, else none."""
        return {
            "training": self._trainings,
            "system_test": self._system_tests,
            "stock_movement": self._movements,
            "ticket": self._tickets,
            "survey": self._responses,
            "social": self._figures,
        }

    def _is_eve(self, day: date) -> bool:
        return day == self._starts_on - timedelta(days=1)

    def _halls(self) -> list[str]:
        """The halls designated on the campaign's first day."""
        return [
            code for code, _, _, first, last in assumptions()["halls"] if first <= 0 and (last is None or last >= 0)
        ]

    def _trainings(self, day: date) -> list[str]:
        """On the eve: of three in each hall one fails now and then, and the hotline's agents."""
        if not self._is_eve(day):
            return []
        lines = []
        staff = [(f"{hall}{number:02d}", hall, number) for hall in self._halls() for number in (1, 2, 3)]
        agents = [(f"K{number:04d}", "", number) for number in range(1, self._chosen["agents"] + 1)]
        for who, hall, number in [*staff, *agents]:
            draw = chance(self._seed, "training", who)
            held_on = self._starts_on - timedelta(days=draw.randint(3, 20))
            passed = "N" if number == 3 and draw.random() < self._chosen["training_failed_share"] else "Y"
            course = self._chosen["courses"]["hall" if hall else "agent"]
            lines.append(f"T{who}|{who}|{hall}|{course}|{held_on:%Y%m%d}|{passed}\n")
        return lines

    def _system_tests(self, day: date) -> list[str]:
        """On the eve: every kind for every system; one performance test failed first, and passed a day later."""
        if not self._is_eve(day):
            return []
        lines = []
        for number, system in enumerate(self._chosen["systems"]):
            for kind in ("FUNCTION", "PERFORMANCE", "COMPATIBILITY"):
                at = datetime.combine(self._starts_on - timedelta(days=6), time(9 + number))
                if (number, kind) == (0, "PERFORMANCE"):
                    lines.append(f"Y{system}-{kind}-0|{system}|{kind}|{at:%Y%m%d%H%M%S}|FAIL|{system}-{kind}-0\n")
                    at += timedelta(days=1)
                lines.append(f"Y{system}-{kind}-1|{system}|{kind}|{at:%Y%m%d%H%M%S}|PASS|{system}-{kind}-1\n")
        return lines

    def _movements(self, day: date) -> list[str]:
        """On the eve what was bought; then gifts go out day by day, once a hall more than it has."""
        if self._is_eve(day):
            at = datetime.combine(self._starts_on - timedelta(days=4), time(9))
            return [
                f"M{item['item']}{hall}|{item['item']}|{item['kind']}|{at:%Y%m%d%H%M%S}|{item['quantity']}|{item['yuan']}|{hall}\n"
                for item in self._chosen["items"]
                for hall in (self._halls() if item["per_hall"] else [""])
            ]
        lines = []
        since = (day - self._starts_on).days
        for item in self._chosen["items"]:
            for hall in self._halls() if item["kind"] == "GIFT" and item["per_hall"] and since >= 0 else []:
                draw = chance(self._seed, "gifts", item["item"], hall, day)
                out = draw.randint(0, self._chosen["gifts_a_day"])
                if since == self._chosen["too_many_on_day"] and hall == self._halls()[0]:
                    out = 10 * item["quantity"]
                if out:
                    at = datetime.combine(day, time(18)) + timedelta(seconds=draw.randrange(3600))
                    movement = f"M{day:%Y%m%d}{item['item']}{hall}"
                    lines.append(f"{movement}|{item['item']}|{item['kind']}|{at:%Y%m%d%H%M%S}|{-out}||{hall}\n")
        return lines

    def _tickets(self, day: date) -> list[str]:
        """What happened on a day to the tickets that were opened on it and shortly before."""
        lines = []
        for opened_on in (day - timedelta(days=back) for back in range(_ANSWERED_WITHIN_DAYS + 1)):
            if opened_on < self._starts_on - timedelta(days=1):
                continue
            for number, subscriber in enumerate(self._drawn("tickets", opened_on, self._chosen["tickets_per_1000"]), 1):
                lines += [line for at, line in self._ticket(opened_on, number, subscriber) if at.date() == day]
        return lines

    def _ticket(self, opened_on: date, number: int, subscriber: Subscriber) -> list[tuple[datetime, str]]:
        chosen = self._chosen
        draw = chance(self._seed, "ticket", opened_on, number)
        ticket = f"K{opened_on:%Y%m%d}{number:04d}"
        kind = draw.choices(list(chosen["ticket_kinds"]), weights=list(chosen["ticket_kinds"].values()))[0]
        benefit = draw.choice(chosen["benefits"])
        agent = f"K{draw.randint(1, chosen['agents']):04d}"
        at = _in_the_day(opened_on, draw)
        text = chosen["texts"][kind]
        events = [
            (at, f"{ticket}-1|{ticket}|{subscriber.subscriber_id}|OPENED|{kind}|{benefit}|{at:%Y%m%d%H%M%S}||{text}")
        ]
        if draw.random() >= chosen["unanswered_share"]:
            at += timedelta(minutes=min(int(draw.expovariate(1 / chosen["mean_answer_minutes"])) + 1, 2 * 24 * 60))
            events.append((at, f"{ticket}-2|{ticket}||ANSWERED|||{at:%Y%m%d%H%M%S}|{agent}|"))
            at += timedelta(minutes=draw.randint(1, 24 * 60))
            events.append((at, f"{ticket}-3|{ticket}||CLOSED|||{at:%Y%m%d%H%M%S}|{agent}|"))
        return [(when, f"{event}\n") for when, event in events]

    def _responses(self, day: date) -> list[str]:
        """Answers to the survey that was sent the day before; who did not answer is not told."""
        lines: list[str] = []
        if day < self._starts_on + timedelta(days=2):
            return lines
        for number, subscriber in enumerate(self._drawn("survey", day, self._chosen["answers_per_1000"]), 1):
            draw = chance(self._seed, "answer", day, number)
            sent, answered = (_in_the_day(day - timedelta(days=back), draw) for back in (1, 0))
            satisfaction = draw.choices((1, 2, 3, 4, 5), weights=self._chosen["satisfaction_weights"])[0]
            recommend = min(10, max(0, 2 * satisfaction + draw.randint(-2, 1)))
            lines.append(
                f"Q{day:%Y%m%d}{number:04d}|{subscriber.subscriber_id}|{sent:%Y%m%d%H%M%S}|{answered:%Y%m%d%H%M%S}"
                f"|{satisfaction}|{recommend}|{draw.choice(['', *self._chosen['benefits']])}|\n"
            )
        return lines

    def _figures(self, day: date) -> list[str]:
        """Figures of the day; on one day those of the day before, corrected, with them."""
        since = (day - self._starts_on).days
        days = [day]
        if since == self._chosen["corrected_on_day"]:
            days.insert(0, day - timedelta(days=1))
        lines = []
        for platform, reach in self._chosen["platforms"].items():
            for shown_on in days:
                draw = chance(self._seed, "social", platform, shown_on)
                age = max((shown_on - self._starts_on).days, 0)
                impressions = int(reach * draw.uniform(0.7, 1.3) / (1 + age / 10))
                if shown_on != day:
                    impressions += reach // 100
                interactions = int(impressions * draw.uniform(0.005, 0.03))
                topic = self._chosen["topic"]
                lines.append(f"{platform}|{shown_on:%Y%m%d}|{topic}|{impressions // 50}|{impressions}|{interactions}\n")
        return lines

    def _drawn(self, name: str, day: date, per_1000: float) -> list[Subscriber]:
        here = [subscriber for subscriber in self._subscribers if subscriber.joined_on <= day]
        draw = chance(self._seed, name, day)
        whole, part = divmod(len(here) * per_1000 / 1000, 1)
        return draw.sample(here, min(len(here), int(whole) + (draw.random() < part)))


def _in_the_day(day: date, draw: Random) -> datetime:
    return datetime.combine(day, time(8)) + timedelta(seconds=draw.randrange(12 * 3600))
