"""The sample carrier: delivers what closes a date into `in/`, and answers in `ack/` what it finds in `out/`.

Everything it delivers follows from the seed, the date and what stands in `out/`, never from what was delivered before:
any date can be delivered alone. Of `out/` it reads the eligibility files (the channels take the discount off for those
they find there) and the SMS that it accepted (it reports what became of them).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

from laoyouhui_local.sample.devices import DeviceOrders
from laoyouhui_local.sample.duties import Duties
from laoyouhui_local.sample.facts import assumptions, chance
from laoyouhui_local.sample.family import FamilyRequests
from laoyouhui_local.sample.files import check_file, data_file, write_delivery
from laoyouhui_local.sample.members import Members
from laoyouhui_local.sample.reception import Reception
from laoyouhui_local.sample.recharges import Recharges, Row
from laoyouhui_local.sample.subscribers import Subscriber, make_subscribers

_FENS_A_YUAN = 100


class SampleCarrier:
    """A carrier over an exchange folder, for a campaign that starts on `campaign_starts_on`.

    `subscribers` are those; some of them join in time, some numbers find a new subscriber.

    Its story begins the day before (`first_date`): that date's files bring the first hall list, and the run that closes
    it sends the first eligibility file. Call for each date `deliver`, then the pipeline's run, then `answer`.
    """

    def __init__(self, exchange: Path, *, campaign_starts_on: date, subscribers: int = 3000, seed: int = 2026) -> None:
        self.first_date = campaign_starts_on - timedelta(days=1)
        self._exchange = exchange
        self._starts_on = campaign_starts_on
        self._seed = seed
        self._subscribers = make_subscribers(seed, subscribers, campaign_starts_on)
        self._reception = Reception(exchange, seed, campaign_starts_on, self._subscribers)
        self._recharges = Recharges(seed, campaign_starts_on, self._subscribers, self._listed)
        self._family = FamilyRequests(seed, campaign_starts_on, self._subscribers)
        self._devices = DeviceOrders(seed, campaign_starts_on, self._subscribers, self._listed)
        self._members = Members(seed, campaign_starts_on, self._subscribers, self._listed)
        self._duties = Duties(seed, campaign_starts_on, self._subscribers)
        self._list: defaultdict[str, list[tuple[date, str]]] = defaultdict(list)
        self._list_read: set[str] = set()

    def deliver(self, business_date: date) -> None:
        """Write the deliveries that close a date; one whose check file stands already is left as it is."""
        self._read_list(business_date)
        self._deliver_subscribers(business_date)
        self._deliver_recharges(business_date)
        self._write("optout", business_date, self._optouts(business_date))
        self._write("sms_report", business_date, self._reports(business_date))
        self._write("family_request", business_date, self._family.lines(business_date))
        orders = self._devices.rows(business_date)
        paid = _yuan(sum(fen for fen, _ in orders))
        self._write("device_order", business_date, [line for _, line in orders], control_total=paid)
        self._write("card_claim", business_date, self._members.claims(business_date))
        self._write("trial_application", business_date, self._members.applications(business_date))
        codes = self._members.stock(business_date)
        if codes:
            self._write("card_stock", business_date, codes)
        for feed, lines_of in self._duties.feeds().items():
            lines = lines_of(business_date)
            if lines or feed in {"ticket", "social"}:  # of those a file is due for every date
                self._write(feed, business_date, lines)
        since = self._days_since(business_date)
        if since in assumptions()["hall_list_on_days"]:
            self._write("hall", business_date, self._halls(since))
            self._write("device_catalogue", business_date, self._devices.catalogue())
        vouchers = self._expenses(business_date)
        if vouchers:
            total = sum(fen for fen, _ in vouchers)
            self._write("expense", business_date, [line for _, line in vouchers], control_total=_yuan(total))

    def answer(self, business_date: date) -> None:
        """Answer the files in `out/` dated a date that have a check file and no answer yet."""
        self._reception.answer(business_date)

    def audit(self) -> list[str]:
        """Find what is wrong in `out/`: keys sent again after they were accepted, files without check file, gaps."""
        return self._reception.audit()

    def _days_since(self, day: date) -> int:
        return (day - self._starts_on).days

    def _in_story(self, name: str, day: date) -> bool:
        """Tell whether a set piece of the story falls on a day: the first time on its day, then every four weeks."""
        chosen = assumptions()
        since = self._days_since(day)
        return since >= 0 and since % chosen["every_days"] == chosen["on_day"][name]

    def _write(self, feed: str, day: date, lines: list[str], *, control_total: str = "", seq: int = 1) -> None:
        data = data_file(self._exchange, feed, day, seq)
        if not check_file(data).exists():
            write_delivery(data, lines, rows=len(lines), control_total=control_total)

    def _deliver_subscribers(self, day: date) -> None:
        self._write("subscriber", day, [one.line(day) for one in self._subscribers if one.joined_on <= day])

    def _deliver_recharges(self, day: date) -> None:
        rows = self._recharges.rows(day)
        rows += self._set_pieces(rows, day)
        total = str(sum(row.face for row in rows))
        lines = [row.line for row in rows]
        if not self._in_story("broken_delivery", day):
            self._write("recharge", day, lines, control_total=total)
            return
        # The check file tells of a row more than there is; a correct delivery follows under the next number.
        first = data_file(self._exchange, "recharge", day, 1)
        if not check_file(first).exists():
            write_delivery(first, lines[:-1], rows=len(lines), control_total=total)
        self._write("recharge", day, lines, control_total=total, seq=2)

    def _set_pieces(self, rows: list[Row], day: date) -> list[Row]:
        """Give the rows that a real file holds now and then and that must not be paid for."""
        extra = []
        if rows and self._in_story("duplicate", day):
            extra.append(rows[len(rows) // 3])
        if rows and self._in_story("conflict", day):
            row = rows[len(rows) // 2]
            parts = row.line.split("|")
            parts[6] = parts[7] = "9900"
            extra.append(row._replace(face=9900, line="|".join(parts)))
        if self._in_story("bad_rows", day):
            # At most one row in two hundred, so that the file as a whole stands.
            extra += [_spoiled(row, number) for number, row in enumerate(rows[: min(2, len(rows) // 200)], start=1)]
        if self._in_story("unknown_subscriber", day):
            at = datetime.combine(day, time(10, 30))
            line = f"R{day:%Y%m%d}999999900|808699999999|13000000000|{at:%Y%m%d%H%M%S}|RECHARGE||10000|10000|APP||\n"
            extra.append(Row(at, f"R{day:%Y%m%d}999999900", 10_000, line))
        return extra

    def _halls(self, since: int) -> list[str]:
        """Spell the hall list as known on a day: a hall to come is not on it, an end to come is not told."""
        lines = []
        for code, name, city, first, last in assumptions()["halls"]:
            if first <= since + 1:
                end = "" if last is None or last > since else f"{self._starts_on + timedelta(days=last):%Y%m%d}"
                lines.append(f"{code}|{name}|{city}|{self._starts_on + timedelta(days=first):%Y%m%d}|{end}\n")
        return lines

    def _expenses(self, day: date) -> list[tuple[int, str]]:
        chosen = assumptions()
        low, high = chosen["expense_yuan"]
        draw = chance(self._seed, "expense", day)
        vouchers = []
        for line, memo in chosen["expense_lines"].items():
            fen = draw.randint(low * _FENS_A_YUAN, high * _FENS_A_YUAN)
            if draw.random() < chosen["expense_share_a_day"] or day == self.first_date:
                voucher = f"E{day:%Y%m%d}{line.replace('.', '')}"
                vouchers.append((fen, f"{voucher}|{day:%Y%m%d}|{line}|{_yuan(fen)}|{memo}\n"))
        return vouchers

    def _optouts(self, day: date) -> list[str]:
        chosen = assumptions()["optout"]
        lines = []
        for subscriber in self._subscribers:
            draw = chance(self._seed, "optout", subscriber.no)
            if draw.random() < chosen["share"] and subscriber.joined_on <= day:
                out = self._starts_on + timedelta(days=draw.randint(*chosen["days"]))
                back = out + timedelta(days=draw.randint(*chosen["back_after_days"]))
                returns = draw.random() < chosen["back_share"]
                if out == day:
                    lines.append(_optout(subscriber, day, "OUT", draw))
                elif returns and back == day:
                    lines.append(_optout(subscriber, day, "IN", draw))
        return lines

    def _reports(self, day: date) -> list[str]:
        """Spell a report of each part of the SMS that went out on a day, sent in the evening before it."""
        chosen = assumptions()["sms_report"]
        lines = []
        for key, segments in self._reception.messages(day - timedelta(days=1)):
            for part in range(1, segments + 1):
                draw = chance(self._seed, "sms report", key, part)
                at = datetime.combine(day, time(8)) + timedelta(seconds=draw.randrange(12 * 3600))
                lot = draw.random()
                state, error = "0", ""
                if lot < chosen["failed_share"]:
                    state, error = "2", draw.choice(chosen["errors"])
                elif lot < chosen["failed_share"] + chosen["waiting_share"]:
                    state = "1"
                if lot < 1 - chosen["silent_share"]:
                    lines.append(f"P{key}{part:02d}|{key}|{part}|{segments}|{state}|{error}|{at:%Y%m%d%H%M%S}\n")
        return lines

    def _listed(self, subscriber_id: str, day: date) -> bool:
        """Tell whether the channels held a subscriber as eligible on a day, by the files sent before it."""
        actions = [action for sent_on, action in self._list[subscriber_id] if sent_on < day]
        return bool(actions) and actions[-1] == "ADD"

    def _read_list(self, day: date) -> None:
        for file in self._reception.sent():
            if file.interface == "eligibility" and file.day < day and file.stem not in self._list_read:
                self._list_read.add(file.stem)
                for subscriber_id, action in self._reception.listed(file):
                    self._list[subscriber_id].append((file.day, action))
        for actions in self._list.values():
            actions.sort(key=lambda entry: entry[0])


def _optout(subscriber: Subscriber, day: date, action: str, draw: Random) -> str:
    named = "" if draw.random() < assumptions()["optout"]["unnamed_share"] else subscriber.subscriber_id
    at = datetime.combine(day, time(8)) + timedelta(seconds=draw.randrange(12 * 3600))
    via = draw.choice(("SMS", "APP", "HOTLINE"))
    number = subscriber.msisdn(day)
    return f"O{day:%Y%m%d}{subscriber.no:07d}|{number}|{named}|{at:%Y%m%d%H%M%S}|{action}|{via}\n"


def _spoiled(row: Row, number: int) -> Row:
    """Spoil a row in the way of its number: a channel that no list knows, or a day that no calendar has."""
    parts = row.line.split("|")
    parts[0] = f"B{parts[0][1:]}"
    if number == 1:
        parts[8] = "WAP"
    else:
        parts[3] = "20260230120000"
    return row._replace(recharge_id=parts[0], line="|".join(parts))


def _yuan(fen: int) -> str:
    return f"{fen // _FENS_A_YUAN}.{fen % _FENS_A_YUAN:02d}"
