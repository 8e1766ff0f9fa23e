"""What `make run` is asked for is judged before anything is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date

import pytest

from laoyouhui.config.errors import ConfigError
from laoyouhui_local.workspace import HOME, UsageError, Workspace, read_workspace

CAMPAIGN = HOME / "campaigns" / "lyh2026.yml"


@pytest.fixture
def exchange(tmp_path):
    folder = tmp_path / "exchange"
    (folder / "in" / "recharge").mkdir(parents=True)
    return folder


def deliver(exchange, day, feed="recharge"):
    (exchange / "in" / feed).mkdir(exist_ok=True)
    (exchange / "in" / feed / f"{feed}_{day:%Y%m%d}_0001.chk").touch()


def test_the_story_by_itself():
    workspace = read_workspace({})
    assert workspace.story
    assert workspace.exchange == HOME / "var" / "story"
    dates = workspace.dates({})
    assert (dates[0], dates[-1], len(dates)) == (date(2026, 1, 25), date(2026, 2, 5), 12)


def test_the_long_story_meets_three_month_starts():
    dates = read_workspace({"STORY": "long"}).dates({"STORY": "long"})
    assert (dates[0], dates[-1]) == (date(2026, 1, 25), date(2026, 4, 6))
    assert len(dates) >= 70
    assert sum(day.day == 1 for day in dates) == 3


def test_ones_own_exchange_from_the_day_before_the_campaign_to_the_last_delivery(exchange):
    deliver(exchange, date(2026, 1, 28))
    deliver(exchange, date(2026, 1, 27), "subscriber")
    (exchange / "in" / "recharge" / "recharge_20260301_0001.txt").touch()  # no check file: not delivered
    (exchange / "in" / "recharge" / "notes_20260301.chk").touch()
    dates = read_workspace({"EXCHANGE": str(exchange)}).dates({})
    assert dates == [date(2026, 1, day) for day in (25, 26, 27, 28)]


def test_from_and_to(exchange):
    asked = {"EXCHANGE": str(exchange), "FROM": "2026-02-01", "TO": "2026-02-02"}
    assert read_workspace(asked).dates(asked) == [date(2026, 2, 1), date(2026, 2, 2)]


def test_no_day_that_is_not_over_is_closed_unless_one_plays_it(exchange):
    deliver(exchange, date(2026, 1, 28))
    deliver(exchange, date(2099, 1, 1))
    asked = {"EXCHANGE": str(exchange)}
    assert read_workspace(asked).dates(asked)[-1] == date(2026, 1, 28)  # what is dated later waits
    for late in ({"TO": "2099-01-01"}, {"FROM": "2099-01-01", "TO": "2099-01-01"}):
        with pytest.raises(UsageError, match=r"value '2099-01-01': expected a day that is over.*TODAY=2099-01-02"):
            read_workspace(asked | late).dates(asked | late)
    played = asked | {"FROM": "2098-12-31", "TODAY": "2099-01-02"}
    assert read_workspace(played).dates(played) == [date(2098, 12, 31), date(2099, 1, 1)]
    assert read_workspace(played).pipeline_environment("dsn")["LAOYOUHUI_TODAY"] == "2099-01-02"
    assert "LAOYOUHUI_TODAY" not in read_workspace(asked).pipeline_environment("dsn")


def test_one_warehouse_for_each_exchange_and_campaign(exchange, tmp_path):
    other_exchange = tmp_path / "other"
    (other_exchange / "in").mkdir(parents=True)
    other_campaign = tmp_path / "spring.yml"
    other_campaign.write_text(CAMPAIGN.read_text().replace("campaign: lyh2026", "campaign: spring"))
    link = tmp_path / "link"
    link.symlink_to(exchange)
    names = [
        read_workspace({"EXCHANGE": str(place), "CAMPAIGN": str(campaign)}).database
        for place in (exchange, other_exchange)
        for campaign in (CAMPAIGN, other_campaign)
    ]
    assert len(set(names)) == 4
    assert names[0].startswith("lyh_lyh2026_")
    assert read_workspace({"EXCHANGE": str(link)}).database == names[0]


def test_paths_are_relative_to_where_make_was_called(exchange, tmp_path):
    shutil.copy(CAMPAIGN, tmp_path / "mine.yml")
    workspace = read_workspace({"EXCHANGE": "exchange", "CAMPAIGN": "mine.yml", "CALLED_FROM": str(tmp_path)})
    assert workspace.exchange == exchange
    assert workspace.campaign_files == str(tmp_path / "mine.yml")


def test_a_folder_and_a_campaign_with_blanks_in_their_names(tmp_path):
    exchange = tmp_path / "my exchange 交换"
    (exchange / "in").mkdir(parents=True)
    campaign = tmp_path / "my campaign.yml"
    shutil.copy(CAMPAIGN, campaign)
    assert read_workspace({"EXCHANGE": str(exchange), "CAMPAIGN": str(campaign)}).exchange == exchange


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"STORY": "medium"}, "STORY: value 'medium': expected one of short, long"),
        ({"EXCHANGE": "/nowhere"}, r"EXCHANGE: value '/nowhere': expected a folder that holds in/"),
        ({"CAMPAIGN": "nothing.yml"}, "CAMPAIGN: value '.*nothing.yml': expected a campaign file"),
        ({"WAREHOUSE_DSN": "host=db dbname=x"}, "WAREHOUSE_DSN: expected postgresql://"),
    ],
)
def test_what_it_cannot_work_with_is_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        read_workspace(wrong)


def test_the_story_has_an_exchange_of_its_own(exchange):
    with pytest.raises(UsageError, match="expected no EXCHANGE beside it"):
        read_workspace({"EXCHANGE": str(exchange), "STORY": "long"})


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"FROM": "1 Feb"}, "FROM: value '1 Feb': expected a date such as 2026-02-01"),
        ({"TO": "2026-02-30"}, "TO: value '2026-02-30': expected a date"),
        (
            {"FROM": "2026-02-02", "TO": "2026-02-01"},
            "TO: value '2026-02-01': expected FROM, 2026-02-02, or a later date",
        ),
        ({}, "holds no delivery: expected files with their check files, such as in/"),
    ],
)
def test_dates_that_cannot_be_are_refused(exchange, dates, said):
    with pytest.raises(UsageError, match=said):
        read_workspace({"EXCHANGE": str(exchange)}).dates(dates)


def test_deliveries_that_end_before_the_campaign(exchange):
    deliver(exchange, date(2025, 12, 1))
    with pytest.raises(UsageError, match="give FROM="):
        read_workspace({"EXCHANGE": str(exchange)}).dates({})


def test_a_wrong_campaign_file_is_refused_with_its_line(exchange, tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(CAMPAIGN.read_text().replace("ends_on: 2026-04-30", "ends_on: 2025-04-30"))
    with pytest.raises(ConfigError, match=r"wrong.yml:\d+: ends_on"):
        read_workspace({"EXCHANGE": str(exchange), "CAMPAIGN": str(wrong)})


def test_nothing_is_written_beside_out(exchange):
    read_workspace({"EXCHANGE": str(exchange)})
    assert sorted(path.name for path in exchange.iterdir()) == ["in", "out"]


def test_a_rebuild_brings_its_journal_and_writes_over_none(exchange, tmp_path):
    old = tmp_path / "journal"
    (old / "lyh2026" / "overrides").mkdir(parents=True)
    (old / "lyh2026" / "overrides" / "000001.json").write_text("{}")
    workspace = read_workspace({"EXCHANGE": str(exchange)})
    target = workspace.folder / "work" / "journal"
    try:
        with pytest.raises(UsageError, match="expected a folder `journal`"):
            workspace.bring_journal({"JOURNAL": str(tmp_path)})
        workspace.bring_journal({"JOURNAL": str(old)})
        assert (target / "lyh2026" / "overrides" / "000001.json").read_text() == "{}"
        with pytest.raises(UsageError, match="is there already"):
            workspace.bring_journal({"JOURNAL": str(old)})
        workspace.bring_journal({})
    finally:
        shutil.rmtree(workspace.folder, ignore_errors=True)


def test_cleaning_keeps_what_people_said_about_an_exchange_of_theirs(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(HOME / "scripts" / "clean", tmp_path / "scripts" / "clean")
    exchanges = {"lyh2026-story": f"{tmp_path}/var/story", "lyh2026-mine": "/elsewhere/exchange"}
    for name, exchange in exchanges.items():
        (tmp_path / "var" / name / "work" / "journal" / "lyh2026").mkdir(parents=True)
        (tmp_path / "var" / name / "exchange.txt").write_text(f"{exchange}\n")
    done = subprocess.run(["sh", "scripts/clean"], cwd=tmp_path, capture_output=True, text=True, check=True)
    (kept,) = (tmp_path / "kept-journals").iterdir()
    assert kept.name.startswith("lyh2026-mine-")
    assert (kept / "lyh2026").is_dir()
    assert "the journal of /elsewhere/exchange" in done.stdout
    assert not (tmp_path / "var").exists()


def test_what_a_command_and_its_services_write_is_ours_alone(exchange, tmp_path, monkeypatch):
    """C5, whatever the umask is and however open the folder stood; services inherit the umask."""
    monkeypatch.setattr(Workspace, "folder", tmp_path / "workspace")
    workspace = read_workspace({"EXCHANGE": str(exchange)})
    workspace.folder.mkdir()
    workspace.folder.chmod(0o777)
    before = os.umask(0)
    try:
        with workspace.locked():
            subprocess.run(["touch", workspace.folder / "service.log"], check=True)
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    found = [workspace.folder, *workspace.folder.rglob("*")]
    assert len(found) > 3
    assert [path for path in found if path.stat().st_mode & 0o077] == []
