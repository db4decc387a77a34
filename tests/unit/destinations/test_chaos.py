"""Engine, connector and rehearsal vendor together on bad days: in the end the far end holds who is wanted."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.suites.destination_suite import AUDIENCE, Work
from tests.unit.destinations.test_linkedin import Account
from tests.unit.destinations.test_marketo_list import Instance

from townsend.rehearsal.chaos import Chaos


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("vendor", [Account, Instance])
def test_deliveries_converge(vendor: type[Account] | type[Instance], seed: int, tmp_path: Path) -> None:
    """Gateways, lost answers, throttling, lost tokens, deleted lists, restarts, renames: in any order."""
    world = vendor(Chaos(seed, "chaos"))
    work = Work(world, tmp_path / "state.sqlite")
    random = Random(seed)
    name = AUDIENCE
    wanted: set[int] = set()
    for _ in range(12):
        wanted = {number for number in range(1, 30) if random.random() < 0.5}
        name = random.choice([AUDIENCE, "Buyers"])
        work.deliver(wanted, name)
        if random.random() < 0.2 and world.there(name):
            world.lose(name)
        if random.random() < 0.3:
            work.restart()
        world.clock.sleep(600)
    world.bridge.chaos = None
    world.clock.sleep(86_400)
    last = work.deliver(wanted, name)
    before = world.sent()
    again = work.deliver(wanted, name)
    work.close()

    assert wanted == world.there(name)
    assert None is last.problem
    assert (before, "up to date", len(wanted)) == (world.sent(), again.state, again.unchanged)
