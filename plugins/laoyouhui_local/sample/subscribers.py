"""The sample's subscribers: each one's whole life is drawn at once from its own chance, and read at any date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from laoyouhui_local.sample.facts import Spread, assumptions, chance, facts, tenure_days

_BEFORE_DAYS, _AFTER_DAYS = 120, 400  # what is drawn happens within these days of the campaign's first day
_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscription over time. Each list of versions is in order of its dates; the last one begun holds."""

    no: int
    subscriber_id: str
    joined_on: date
    numbers: tuple[tuple[date, str], ...]
    owners: tuple[tuple[date, str, date | None], ...]  # from, customer_id, owner_since
    activations: tuple[tuple[date, str], ...]  # from, as delivered: "" when missing
    pauses: tuple[tuple[date, date], ...]  # suspended from, resumed on
    left: tuple[date, str] | None  # on, C or P
    city: str
    segment: str
    card_role: str
    real_name: str
    port_in_date: str
    profile: str  # plan_code|birth_year|gender|sms_consent

    def msisdn(self, day: date) -> str:
        """Give the number on a day."""
        return [number for since, number in self.numbers if since <= day][-1]

    def status(self, day: date) -> tuple[str, date]:
        """Give the status on a day (A, S, C or P), and since when."""
        if self.left and self.left[0] <= day:
            return self.left[1], self.left[0]
        state, since = "A", self.joined_on
        for begin, end in self.pauses:
            if begin <= day:
                state, since = ("S", begin) if day < end else ("A", end)
        return state, since

    def line(self, day: date) -> str:
        """Spell the row of the snapshot that closes a day, ended by LF."""
        status, since = self.status(day)
        _, customer, owner_since = [owner for owner in self.owners if owner[0] <= day][-1]
        activation = [text for begin, text in self.activations if begin <= day][-1]
        return (
            f"{self.subscriber_id}|{self.msisdn(day)}|{customer}|{self.city}|{activation}|{status}|{since:%Y%m%d}|"
            f"{self.segment}|{self.card_role}|{self.real_name}|{self.port_in_date}|"
            f"{'' if owner_since is None else format(owner_since, '%Y%m%d')}|{self.profile}\n"
        )


def make_subscribers(seed: int, count: int, starts_on: date) -> tuple[Subscriber, ...]:
    """Draw the subscribers: `count`, some of whom join later, and those who later get a number that was given up."""
    maker = _Maker(seed, starts_on)
    lives = [maker.life(no) for no in range(count)]
    for old in tuple(lives):
        free = maker.number_freed(old)
        if free:
            lives.append(maker.life(len(lives), joins=free[0], number=free[1]))
    return tuple(lives)


class _Maker:
    def __init__(self, seed: int, starts_on: date) -> None:
        self._seed = seed
        self._starts_on = starts_on
        self._first = starts_on - timedelta(days=_BEFORE_DAYS)
        self._chosen = assumptions()
        self._customer = ""
        self._tenure = Spread.of(facts()["tenure_full_years"]["counts"])
        self._gender = Spread.of(facts()["gender"]["counts"])
        self._plan = Spread.of(facts()["plan_fee_yuan"]["counts"])
        self._segment = Spread.of(self._chosen["segments"])
        self._city = Spread.of(self._chosen["cities"])

    def life(self, no: int, *, joins: date | None = None, number: str | None = None) -> Subscriber:
        draw = chance(self._seed, "subscriber", no)
        chosen = self._chosen
        joined_customer = no > 0 and joins is None and draw.random() < chosen["joined_customer_share"]
        if not joined_customer:
            self._customer = f"C{no:09d}"
        if joins is None:
            joins = self._event(draw, "joins")
        activated = joins or self._starts_on - timedelta(days=tenure_days(draw, self._tenure))
        since = joins or date.min
        pauses = self._pauses(draw)
        left = self._left(draw, since)
        return Subscriber(
            no=no,
            subscriber_id=f"8086{no:08d}",
            joined_on=joins or activated,
            numbers=self._numbers(draw, no, since, number),
            owners=self._owners(draw, no, since, activated),
            activations=self._activations(draw, since, activated),
            pauses=tuple(pause for pause in pauses if pause[0] > since and (left is None or pause[0] < left[0])),
            left=left,
            city=self._city.draw(draw),
            segment=self._segment.draw(draw),
            card_role="SECONDARY"
            if joined_customer and draw.random() < chosen["secondary_share_of_joined"]
            else "MAIN",
            real_name="N" if draw.random() < chosen["not_verified_share"] else "Y",
            port_in_date=self._port_in(draw, activated),
            profile=self._profile(draw),
        )

    def number_freed(self, life: Subscriber) -> tuple[date, str] | None:
        """Say when the number that a subscriber gave up goes to somebody else, and which, if it does."""
        draw = chance(self._seed, "number", life.no)
        if life.left and life.left[1] == "C":
            gone = life.left[0]
        elif len(life.numbers) > 1:
            gone = life.numbers[1][0]
        else:
            return None
        again = gone + timedelta(days=self._chosen["number_rest_days"] + draw.randrange(10))
        return again, life.msisdn(gone - timedelta(days=1))

    def _event(self, draw: Random, name: str) -> date | None:
        span = _BEFORE_DAYS + _AFTER_DAYS
        happens, day = draw.random() < self._chosen["a_year"][name] * span / _YEAR, draw.randrange(span)
        return self._first + timedelta(days=day) if happens else None

    def _pauses(self, draw: Random) -> tuple[tuple[date, date], ...]:
        begin = self._event(draw, "suspended")
        shortest, longest = self._chosen["a_year"]["suspended_days"]
        length = timedelta(days=draw.randint(shortest, longest))
        return ((begin, begin + length),) if begin else ()

    def _left(self, draw: Random, since: date) -> tuple[date, str] | None:
        closed, ported = self._event(draw, "closed"), self._event(draw, "ported_out")
        ends = sorted((day, code) for day, code in ((closed, "C"), (ported, "P")) if day and day > since)
        return ends[0] if ends else None

    def _numbers(self, draw: Random, no: int, since: date, number: str | None) -> tuple[tuple[date, str], ...]:
        prefixes = self._chosen["unicom_prefixes"]
        own = number or _number(prefixes, no)
        changed = self._event(draw, "number_changed")
        # Numbers after a change come from a block of their own, so that no two subscribers hold one at a time.
        return (
            ((since, own), (changed, _number(prefixes, no + 40_000_000)))
            if changed and changed > since
            else ((since, own),)
        )

    def _owners(self, draw: Random, no: int, since: date, activated: date) -> tuple[tuple[date, str, date | None], ...]:
        earlier = None
        if draw.random() < self._chosen["owner_changed_share"]:
            earlier = activated + (self._first - activated) * draw.random() if activated < self._first else None
        first = (since, self._customer, earlier)
        changed = self._event(draw, "owner_changed")
        return (first, (changed, f"C9{no:08d}", changed)) if changed and changed > since else (first,)

    def _activations(self, draw: Random, since: date, activated: date) -> tuple[tuple[date, str], ...]:
        right = f"{activated:%Y%m%d}"
        place = draw.random() * 10_000
        missing = facts()["activation_missing"]["per_10000"]
        bad = self._chosen["bad_activation_per_10000"]
        if place < missing:
            wrong = ""
        elif place < missing + bad["too_old"]:
            wrong = "19000101"
        elif place < missing + bad["too_old"] + bad["future"]:
            wrong = f"{self._starts_on + timedelta(days=3650):%Y%m%d}"  # a year mistyped by ten
        else:
            wrong = right
        mended = self._event(draw, "activation_corrected" if wrong == right else "defect_mended")
        if not mended or mended <= since:
            return ((since, wrong),)
        if wrong == right:
            right = f"{min(activated + timedelta(days=draw.randint(-900, 900)), mended):%Y%m%d}"
        return (since, wrong), (mended, right)

    def _port_in(self, draw: Random, activated: date) -> str:
        if draw.random() >= self._chosen["ported_in_share"] or activated >= self._first:
            return ""
        return f"{activated + (self._first - activated) * draw.random():%Y%m%d}"

    def _profile(self, draw: Random) -> str:
        known = facts()
        age = ""
        if draw.random() * 10_000 >= known["age_unknown"]["per_10000"]:
            ends, at = known["age_years"]["quantiles"], known["age_years"]["at_percent"]
            place = draw.random() * 100
            k = max(k for k, percent in enumerate(at[:-1]) if percent <= place)
            age = str(
                self._starts_on.year - int(ends[k] + (ends[k + 1] - ends[k]) * (place - at[k]) / (at[k + 1] - at[k]))
            )
        consent = "N" if draw.random() < self._chosen["no_sms_consent_share"] else "Y"
        return f"P{self._plan.draw(draw)}|{age}|{self._gender.draw(draw)}|{consent}"


def _number(prefixes: list[str], no: int) -> str:
    """Give the no-th number: no two alike below 100 million, since 48271 and 10^8 share no divisor."""
    return f"{prefixes[no % len(prefixes)]}{no * 48_271 % 100_000_000:08d}"
