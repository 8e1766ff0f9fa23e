"""Runs that die, servers that go, two runs at once, another clock: the end is that of an undisturbed run.

`make crash KILLS=200` plays the same at length; docs/crash-campaign.md keeps its figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.crash.attempt import STEPS
from tests.crash.campaign import Campaign
from tests.crash.story import Reference, World, tail
from tests.crash.truth import Truth

from laoyouhui.warehouse.connection import GATE, connect

MONTH_START, INSTALMENTS = 2, 3  # of the story's dates


def run(world: World, number: int, steps: Sequence[str] = STEPS, **environment: str) -> None:
    """Run steps of the story's n-th date to their end."""
    attempt = world.run(number, steps, **environment)
    assert attempt.end() == 0, tail(attempt.log)


def test_killed_at_random_it_comes_to_the_same_end(reference: Reference) -> None:
    result = Campaign(reference, seed=11).run(8, first_date=MONTH_START)
    assert result.differences == []
    assert len(result.kills) == 8
    assert len({kill.victim for kill in result.kills}) > 1


@pytest.mark.parametrize("change", ["row", "file"])
def test_a_difference_is_seen(reference: Reference, change: str) -> None:
    truth = reference.truths[INSTALMENTS]
    table, path = "ledger.ledger_entries", min(truth.files)
    rows, files = {**truth.rows}, {**truth.files}
    if change == "row":
        rows[table] = rows[table] + rows[table]
    else:
        files[path] += b"\n"
    (found,) = truth.differences(Truth(rows, files, truth.rebuilt))
    assert found.startswith(table if change == "row" else path)


def test_the_database_restarted_between_steps_and_within_one(reference: Reference) -> None:
    world = reference.begin(MONTH_START)
    for step in STEPS:
        reference.server.stop()
        reference.server.start()
        attempt = world.run(MONTH_START, [step])
        attempt.go_on(reference.seconds[MONTH_START][step] / 2)
        reference.server.stop()
        reference.server.start()
        attempt.end()  # it failed, unless it was done already
        run(world, MONTH_START, [step])
    assert reference.differences(MONTH_START, world) == []


def test_a_date_released_and_not_delivered_is_run_again_from_its_first_step(reference: Reference) -> None:
    """A further attempt shows no other figures than the first: what this date sends is the next date's to show."""
    world = reference.begin(MONTH_START)
    run(world, MONTH_START, ["ingest", "decide", "release"])
    run(world, MONTH_START)
    assert reference.differences(MONTH_START, world) == []


def test_two_runs_of_a_date_at_once_end_as_one(reference: Reference) -> None:
    """One waits for the other or is refused with the reason; they never work beside each other."""
    world = reference.begin(MONTH_START)
    both = [world.run(MONTH_START), world.run(MONTH_START)]
    codes = [attempt.end() for attempt in both]
    said = both[0].log.read_text(encoding="utf-8")
    if any(codes):
        assert "is running in this warehouse: wait until it ends, then run again" in said
        run(world, MONTH_START)
    assert reference.differences(MONTH_START, world) == []


def test_two_dates_at_once_keep_their_order(reference: Reference) -> None:
    world = reference.begin(MONTH_START)
    # so that the first is in the middle for as long as it takes: the pipeline's own session is never ended
    with connect(world.settings.warehouse_dsn, name=GATE) as held:
        held.execute("lock table ledger.messages")
        first = world.run(MONTH_START)
        first.wait_for("decide")
        world.deliver(INSTALMENTS)  # not sooner: what lies there for a later date is listed by ingest
        second = world.run(INSTALMENTS)
        assert second.end() != 0
        assert "is running in this warehouse" in second.log.read_text(encoding="utf-8")
    assert first.end() == 0
    assert reference.differences(MONTH_START, world) == []


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_machines_clock_may_stand_in_any_zone(reference: Reference, zone: str) -> None:
    """The run that begins a month: of all, its date is the one that a zone could move."""
    world = reference.begin(MONTH_START)
    run(world, MONTH_START, TZ=zone, PGTZ=zone)
    assert reference.differences(MONTH_START, world) == []
