"""The carrier's reception: reads what stands in `out/`, as a stranger to the pipeline would, and answers in `ack/`.

It keeps a book of the keys it accepted, `.carrier/<file stem>.keys` in the exchange, one file for each answered file.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from laoyouhui_local.sample.facts import assumptions, chance
from laoyouhui_local.sample.files import ENCODING, replace_file
from laoyouhui_local.sample.subscribers import Subscriber

_STEM = re.compile(r"(?P<interface>[a-z_]+)_(?P<campaign>[a-z0-9]+)_(?P<day>\d{8})_(?P<seq>\d{4})")
_MAX_ROWS = 100_000
_KEY = r"(?P<key>[0-9a-f]{32})"
_WHO = r"(?P<subscriber>[^|]+)\|(?P<msisdn>1\d{10})"
_DAY = r"20\d{6}"
_ROWS = {
    "eligibility": re.compile(rf"{_WHO}\|(?P<action>ADD|REMOVE)\|{_DAY}\|[A-Z_]+"),
    "data_grant": re.compile(rf"{_KEY}\|{_WHO}\|\w+\|[1-9]\d*\|{_DAY}\|{_DAY}"),
    "credit": re.compile(
        rf"{_KEY}\|{_WHO}\|(?P<amount>-?[1-9]\d*)\|(?P<action>INSTALMENT|MAKE_GOOD|CLAWBACK)\|\d*\|\d*\|[^|]+"
    ),
    "family_link": re.compile(rf"{_KEY}\|{_WHO}\|(?P<family>\d+)\|(?P<action>ADD|REMOVE)\|{_DAY}\d{{6}}"),
    "device_decision": re.compile(
        rf"{_KEY}\|[^|]+\|(?P<subscriber>[^|]*)\|(?P<action>GRANTED|REFUSED|RETURNED)\|\d*\|\d*\|[A-Z_]+"
    ),
    "membership": re.compile(rf"{_KEY}\|{_WHO}\|(?P<action>ADD|REMOVE)\|{_DAY}"),
    "trial_grant": re.compile(rf"{_KEY}\|{_WHO}\|\w+\|{_DAY}"),
    "sms": re.compile(rf"{_KEY}\|(?P<msisdn>1\d{{10}})\|\w+\|{_DAY}\d{{6}}\|{_DAY}\d{{6}}\|(?P<segments>\d+)\|[^|]+"),
    "push": re.compile(rf"{_KEY}\|(?P<subscriber>[^|]+)\|\w+\|{_DAY}\d{{6}}\|{_DAY}\d{{6}}\|[^|]+\|[^|]+"),
}
_MESSAGES = {"10": "用户不存在", "11": "用户状态异常", "20": "流水号重复", "30": "字段错误", "90": "系统忙，请重试"}
_NEEDS_ACTIVE = {"data_grant", "trial_grant", "INSTALMENT", "MAKE_GOOD", "ADD"}


class _WholeFileRefusedError(Exception):
    """The file as a whole counts for nothing; the text says why."""


@dataclass(frozen=True)
class SentFile:
    """A file of ours in `out/`, by its check file."""

    check: Path
    stem: str
    interface: str
    campaign: str
    day: date
    seq: int

    @property
    def data(self) -> Path:
        """Give the data file."""
        return self.check.with_suffix(".txt")


class Reception:
    """Judges files in `out/` and writes answers. Holds no more than the keys accepted so far."""

    def __init__(self, exchange: Path, seed: int, starts_on: date, subscribers: tuple[Subscriber, ...]) -> None:
        self._out, self._ack, self._book = exchange / "out", exchange / "ack", exchange / ".carrier"
        self._seed = seed
        self._starts_on = starts_on
        self._by_id = {subscriber.subscriber_id: subscriber for subscriber in subscribers}

    def answer(self, day: date) -> None:
        """Answer every file dated a day that has a check file and no answer yet."""
        files = [file for file in self.sent() if file.day == day and not self._answer_file(file).exists()]
        if not files:
            return
        accepted = self._accepted_keys(except_stems={file.stem for file in files})
        numbers = {subscriber.msisdn(day) for subscriber in self._by_id.values() if subscriber.joined_on <= day}
        for file in files:
            self._answer(file, accepted, numbers)

    def sent(self) -> list[SentFile]:
        """List the files in `out/` that have a check file, in order of date, interface and sequence."""
        files = []
        for check in self._out.glob("*/*.chk"):
            parts = _STEM.fullmatch(check.stem)
            if parts and parts["interface"] == check.parent.name and not check.name.startswith("."):
                day = datetime.strptime(parts["day"], "%Y%m%d").date()  # noqa: DTZ007 (a name, no moment)
                files.append(SentFile(check, check.stem, parts["interface"], parts["campaign"], day, int(parts["seq"])))
        return sorted(files, key=lambda file: (file.day, file.interface, file.seq))

    def listed(self, file: SentFile) -> Iterator[tuple[str, str]]:
        """Give subscriber_id and action of each row of an eligibility file that this reception accepts."""
        try:
            self._verify(file)
        except _WholeFileRefusedError:
            return
        for line in _lines(file.data):
            row = _ROWS["eligibility"].fullmatch(line)
            if row and self._judge(file, row, set()) is None:
                yield row["subscriber"], row["action"]

    def messages(self, day: date) -> Iterator[tuple[str, int]]:
        """Give key and segments of each SMS that this reception accepted of the files dated a day."""
        for file in self.sent():
            if file.interface == "sms" and file.day == day:
                accepted = set(self._book_of(file.stem))
                for line in _lines(file.data):
                    row = _ROWS["sms"].fullmatch(line)
                    if row and bytes.fromhex(row["key"]) in accepted:
                        yield row["key"], int(row["segments"])

    def audit(self) -> list[str]:
        """Find what a careful carrier would complain of: one line for each problem, none when all is well."""
        files = self.sent()
        problems = [f"{path}: no check file" for path in self._without_check(files)]
        taken: defaultdict[tuple[str, str, date], list[int]] = defaultdict(list)
        accepted: dict[bytes, str] = {}
        for file in files:
            taken[file.interface, file.campaign, file.day].append(file.seq)
            try:
                self._verify(file, by_story=False)
            except _WholeFileRefusedError as refused:
                problems.append(f"{file.data}: {refused}")
                continue
            if file.interface in _ROWS and file.interface != "eligibility":
                for line in _lines(file.data):
                    row = _ROWS[file.interface].fullmatch(line)
                    before = accepted.get(bytes.fromhex(row["key"])) if row else None
                    if row and before and before != file.stem:
                        problems.append(f"{file.data}: key {row['key']} was sent again after {before} was accepted")
            problems += [
                f"{file.stem}: key {key.hex()} accepted twice, first in {accepted[key]}"
                for key in self._book_of(file.stem)
                if accepted.setdefault(key, file.stem) != file.stem
            ]
        for (interface, campaign, day), numbers in taken.items():
            if numbers != list(range(1, len(numbers) + 1)):
                problems.append(
                    f"{interface}_{campaign}_{day:%Y%m%d}: sequence numbers {numbers}, expected 1 to {len(numbers)}"
                )
        return problems

    def _without_check(self, files: list[SentFile]) -> list[Path]:
        known = {path for file in files for path in (file.check, file.data)}
        return sorted(path for path in self._out.glob("*/*") if path not in known)

    def _answer_file(self, file: SentFile) -> Path:
        return self._ack / file.interface / f"{file.stem}.rsp"

    def _answer(self, file: SentFile, accepted: set[bytes], numbers: set[str]) -> None:
        refused: dict[str, str] = {}
        rows = 0
        new: set[bytes] = set()
        try:
            rows = self._verify(file)
            for line in _lines(file.data):
                self._take(file, line, refused, accepted, new, numbers)
        except _WholeFileRefusedError as problem:
            code = "90" if str(problem) == _MESSAGES["90"] else "30"
            replace_file(self._answer_file(file), f"{file.data.name}|BAD|0|{rows}|{code}\n".encode("ascii"))
            return
        replace_file(self._book / f"{file.stem}.keys", "".join(f"{key.hex()}\n" for key in sorted(new)).encode("ascii"))
        status = "SEMIWRONG" if refused else "RIGHT"
        lines = [f"{file.data.name}|{status}|{rows - len(refused)}|{len(refused)}\n"]
        lines += [f"{key}|{code}|{_MESSAGES[code]}\n" for key, code in refused.items()]
        replace_file(self._answer_file(file), "".join(lines).encode(ENCODING))

    def _take(
        self,
        file: SentFile,
        line: str,
        refused: dict[str, str],
        accepted: set[bytes],
        new: set[bytes],
        numbers: set[str],
    ) -> None:
        row = _ROWS[file.interface].fullmatch(line)
        if row is None:
            refused[line.split("|", 1)[0]] = "30"
            return
        if file.interface == "eligibility":
            code = self._judge(file, row, numbers)
            if code:
                refused[row["subscriber"]] = code
            return
        key = bytes.fromhex(row["key"])
        code = "20" if key in accepted else self._judge(file, row, numbers)
        if code:
            refused[row["key"]] = code
        else:
            accepted.add(key)
            new.add(key)

    def _judge(self, file: SentFile, row: re.Match[str], numbers: set[str]) -> str | None:
        """Give the code under which a row is refused, else None: by the row, the file's name and the seed alone."""
        if file.interface == "sms":
            if row["msisdn"] not in numbers:
                return "10"
        else:
            subscriber = self._by_id.get(row["subscriber"])
            next_day = file.day + timedelta(days=1)
            if subscriber is None or subscriber.joined_on > next_day:
                return "10"
            action = row.groupdict().get("action", file.interface)
            if action in _NEEDS_ACTIVE and subscriber.status(next_day)[0] != "A":
                return "11"
        named = row["subscriber"] if file.interface == "eligibility" else row["key"]
        busy = chance(self._seed, "busy", file.stem, named).random() < assumptions()["try_again_share"]
        return "90" if busy else None

    def _verify(self, file: SentFile, *, by_story: bool = True) -> int:
        """Hold a file against its check file and give its rows; raise _WholeFileRefusedError where they disagree."""
        if file.interface not in _ROWS:
            raise _WholeFileRefusedError(f"no such interface: {file.interface}")
        check = file.check.read_bytes()
        rows, total = self._measure(file)
        with file.data.open("rb") as raw:
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
        size = file.data.stat().st_size
        control = str(total) if file.interface == "credit" else ""
        right = f"{file.data.name}|{size}|{rows}|{sha256}|{control}".encode("ascii")
        if check.rstrip(b"\n") != right:
            raise _WholeFileRefusedError(f"check file says {check!r}, the file is {right!r}")
        if rows > _MAX_ROWS:
            raise _WholeFileRefusedError(f"{rows} rows, expected at most {_MAX_ROWS}")
        busy_on = assumptions()["refused_whole_on_day"].get(file.interface)
        if by_story and file.seq == 1 and (file.day - self._starts_on).days == busy_on:
            raise _WholeFileRefusedError(_MESSAGES["90"])
        return rows

    def _measure(self, file: SentFile) -> tuple[int, int]:
        rows = total = 0
        try:
            for line in _lines(file.data):
                rows += 1
                if file.interface == "credit":
                    row = _ROWS["credit"].fullmatch(line)
                    total += int(row["amount"]) if row else 0
        except FileNotFoundError:
            raise _WholeFileRefusedError("the data file is missing") from None
        except UnicodeDecodeError:
            raise _WholeFileRefusedError("not GB18030") from None
        return rows, total

    def _accepted_keys(self, *, except_stems: set[str]) -> set[bytes]:
        keys: set[bytes] = set()
        for book in self._book.glob("*.keys"):
            if book.stem not in except_stems:  # an answer that was begun and not finished is given again
                keys.update(self._book_of(book.stem))
        return keys

    def _book_of(self, stem: str) -> Iterator[bytes]:
        book = self._book / f"{stem}.keys"
        if book.exists():
            with book.open(encoding="ascii") as lines:
                yield from (bytes.fromhex(line.strip()) for line in lines)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding=ENCODING, newline="\n") as lines:
        for line in lines:
            yield line.removesuffix("\n")
