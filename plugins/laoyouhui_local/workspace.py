"""What a local command works on: an exchange and a campaign, their work folder and their warehouse.

The commands of the Makefile hand their variables over in the environment: STORY, or EXCHANGE, CAMPAIGN, FROM, TO.
Everything is read and judged here before anything is started.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from laoyouhui.config.campaign import Campaign, load_campaigns
from laoyouhui.config.carrier import Carrier, load_carrier
from laoyouhui.config.private import private_folder
from laoyouhui.config.settings import today_in_shanghai
from laoyouhui.feeds.names import parse_stem
from laoyouhui_local.server import EmbeddedPostgres, ServerError, create_database, database_dsn

HOME = Path(__file__).resolve().parents[2]
STORY_DAYS = {"short": 12, "long": 72}  # from the day before the campaign; the long one meets three month starts
_NAME_LENGTH = 32  # of a campaign's id within a database's name, which holds 63


class UsageError(Exception):
    """A command was given what it cannot work with; the message says what was expected."""


@dataclass(frozen=True)
class Workspace:
    """One exchange and the campaigns that run together, whose first names it.

    `campaign_files` are their files as in `LAOYOUHUI_CAMPAIGN`. `story` is true where the sample carrier writes the
    exchange. `today` is the day that it is taken to be, None for the calendar's.
    """

    exchange: Path
    campaign_files: str
    campaigns: tuple[Campaign, ...]
    carrier: Carrier
    story: bool
    server_dsn: str | None
    today: date | None = None

    @property
    def campaign(self) -> Campaign:
        """The first of the campaigns."""
        return self.campaigns[0]

    @property
    def title(self) -> str:
        """What people call the campaigns."""
        return ", ".join(f"{campaign.name} ({campaign.campaign_id})" for campaign in self.campaigns)

    @property
    def name(self) -> str:
        """Part of the names of the folder and of the databases: `lyh2026_1a2b3c4d`.

        The story on the embedded server is `lyh2026_story`, wherever the project lies: dbt's profile names it.
        """
        place = hashlib.sha256(f"{self.exchange}\n{self.campaign.campaign_id}".encode()).hexdigest()[:8]
        return f"{self.campaign.campaign_id[:_NAME_LENGTH]}_{'story' if self.story and not self.server_dsn else place}"

    @property
    def folder(self) -> Path:
        """Where the work on this exchange and campaign leaves its logs and state."""
        return HOME / "var" / self.name.replace("_", "-")

    @property
    def database(self) -> str:
        """The warehouse's database."""
        return f"lyh_{self.name}"

    @property
    def airflow_database(self) -> str:
        """The database of Airflow's metadata."""
        return f"{self.database}_airflow"

    def pipeline_environment(self, warehouse_dsn: str) -> dict[str, str]:
        """The variables of a pipeline process, see docs/architecture.md."""
        played = {"LAOYOUHUI_TODAY": str(self.today)} if self.today else {}
        return played | {
            "LAOYOUHUI_HOME": str(HOME),
            "LAOYOUHUI_EXCHANGE": str(self.exchange),
            "LAOYOUHUI_CAMPAIGN": self.campaign_files,
            "LAOYOUHUI_WORK": str(self.folder / "work"),
            "WAREHOUSE_DSN": warehouse_dsn,
        }

    @contextmanager
    def server(self) -> Iterator[str]:
        """Give the DSN of the database server: the one of WAREHOUSE_DSN, or the embedded one, started if need be."""
        if self.server_dsn is not None:
            yield self.server_dsn
        else:
            with EmbeddedPostgres(HOME) as postgres:
                yield postgres.dsn()

    def warehouse(self, server_dsn: str) -> str:
        """The DSN of the warehouse, created where it is missing."""
        import psycopg

        try:
            create_database(server_dsn, self.database)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ServerError("WAREHOUSE_DSN: its user may not create databases: expected one with createdb") from error
        except psycopg.OperationalError as error:
            raise ServerError(f"WAREHOUSE_DSN: the server cannot be reached: {error}") from error
        return database_dsn(server_dsn, self.database)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second command off this workspace; UsageError when one is at work.

        Whatever is written meanwhile is for our user alone, whatever the umask is: by services, too, which inherit it.
        """
        umask = os.umask(0o077)
        try:
            private_folder(self.folder)
            with self._locked():
                yield
        finally:
            os.umask(umask)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "run.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise UsageError(
                    f"process {lock.read().strip()} works on this exchange and campaign: wait for it, or end it first"
                ) from None
            (self.folder / "exchange.txt").write_text(f"{self.exchange}\n", "utf-8")  # for people, and `make clean`
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def bring_journal(self, variables: Mapping[str, str]) -> None:
        """Copy the journal that JOURNAL names into the work folder, for a rebuild. UsageError where one is there."""
        if not variables.get("JOURNAL"):
            return
        source, target = path_of(variables["JOURNAL"], variables), self.folder / "work" / "journal"
        if not (source / self.campaign.campaign_id).is_dir():
            raise UsageError(
                f"JOURNAL: value '{source}': expected a folder `journal` that holds {self.campaign.campaign_id}/"
            )
        if target.exists():
            raise UsageError(f"JOURNAL: {target} is there already: nothing is copied over it; move it away first")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(0o700)
        shutil.copytree(source, target)

    def delivered_dates(self) -> list[date]:
        """The business dates of the files in `in/`, ascending."""
        found = set()
        for feed_name, feed in self.carrier.feeds.items():
            for path in (self.exchange / "in" / feed_name).glob(f"*{self.carrier.check_file.suffix}"):
                named = parse_stem(path.name.removesuffix(self.carrier.check_file.suffix), feed_name, feed)
                if named is not None:
                    found.add(named.business_date)
        return sorted(found)

    def dates(self, variables: Mapping[str, str]) -> list[date]:
        """The dates asked for: FROM to TO, else those of the story, else from the campaign to the last delivery.

        A delivery of a day that is not over waits for its date. Raises UsageError when a date cannot be read, when it
        is not over, or when there is none.
        """
        yesterday = (self.today or today_in_shanghai()) - timedelta(days=1)
        first = date_of(variables, "FROM") or min(each.starts_on for each in self.campaigns) - timedelta(days=1)
        last = date_of(variables, "TO")
        if last is None and self.story:
            last = first + timedelta(days=STORY_DAYS[variables.get("STORY") or "short"] - 1)
        if last is None:
            delivered = self.delivered_dates()
            if not delivered:
                feed = next(iter(self.carrier.feeds))
                raise UsageError(
                    f"EXCHANGE: {self.exchange / 'in'} holds no delivery: expected files with their check files, "
                    f"such as in/{feed}/{feed}_{first:%Y%m%d}_0001{self.carrier.check_file.suffix}"
                )
            last = max((day for day in delivered if day <= yesterday), default=first)
        if last > yesterday:
            raise UsageError(
                f"TO: value '{last}': expected a day that is over, {yesterday} "
                f"or earlier. To play later dates on this machine give TODAY={last + timedelta(days=1)}"
            )
        if last < first:
            raise UsageError(f"TO: value '{last}': expected FROM, {first}, or a later date (give FROM=... TO=...)")
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def read_workspace(variables: Mapping[str, str]) -> Workspace:
    """The workspace that the variables name. Raises UsageError or ConfigError when one is wrong."""
    story = not variables.get("EXCHANGE")
    if story and (variables.get("STORY") or "short") not in STORY_DAYS:
        raise UsageError(f"STORY: value {variables['STORY']!r}: expected one of {', '.join(STORY_DAYS)}")
    if not story and variables.get("STORY"):
        raise UsageError("STORY: expected no EXCHANGE beside it: the story has an exchange of its own")
    dsn = variables.get("WAREHOUSE_DSN") or None
    if dsn is not None and urlsplit(dsn).scheme not in {"postgresql", "postgres"}:
        raise UsageError("WAREHOUSE_DSN: expected postgresql://user:password@host:port/database")

    files = campaign_files(variables)
    campaigns = load_campaigns(files)
    campaign = campaigns[0]
    if story:
        exchange = HOME / "var" / ("story" if campaign.campaign_id == "lyh2026" else f"story-{campaign.campaign_id}")
    else:
        exchange = path_of(variables["EXCHANGE"], variables)
        if not (exchange / "in").is_dir():
            raise UsageError(f"EXCHANGE: value '{exchange}': expected a folder that holds in/ (and out/, ack/)")
        out = exchange / "out"
        try:
            out.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"EXCHANGE: {out} cannot be made ({error.strerror}): make it writable") from error
        if not os.access(out, os.W_OK | os.X_OK):
            raise UsageError(f"EXCHANGE: {out}: expected a folder that this user may write")
    return Workspace(
        exchange,
        os.pathsep.join(map(str, files)),
        campaigns,
        load_carrier(campaign.carrier_file),
        story,
        dsn,
        date_of(variables, "TODAY"),
    )


def campaign_files(variables: Mapping[str, str]) -> list[Path]:
    """The files that CAMPAIGN names, else the shipped one. Raises UsageError where one is not there."""
    given = variables.get("CAMPAIGN") or str(HOME / "campaigns" / "lyh2026.yml")
    files = [path_of(part, variables) for part in given.split(os.pathsep)]
    for file in files:
        if not file.is_file():
            raise UsageError(
                f"CAMPAIGN: value '{file}': expected a campaign file, such as campaigns/lyh2026.yml, or several "
                f"parted by '{os.pathsep}'"
            )
    return files


def path_of(given: str, variables: Mapping[str, str]) -> Path:
    """A path as the user meant it: relative to where make was called, with `make -C` another folder than this."""
    path = Path(given).expanduser()
    called_from = Path(variables.get("CALLED_FROM") or ".") / path
    return (called_from if called_from.exists() else path).resolve()


def date_of(variables: Mapping[str, str], name: str) -> date | None:
    """The date that a variable gives, None where it is not given. Raises UsageError when it cannot be read."""
    given = variables.get(name)
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise UsageError(f"{name}: value {given!r}: expected a date such as 2026-02-01") from None
