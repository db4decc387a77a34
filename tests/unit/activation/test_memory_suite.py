"""The engine against a vendor in memory, in every combination of what vendors can."""

from __future__ import annotations

import pytest
from tests.suites.destination_suite import DestinationSuite, Vendor
from tests.unit.activation.memory import MemoryVendor

from townsend.activation.contract import Can

KINDS = {
    "read back": MemoryVendor,
    "no read back": lambda: MemoryVendor(can=Can(read_back=False)),
    "looked up": lambda: MemoryVendor(asks=True),
    "looked up, no read back": lambda: MemoryVendor(asks=True, can=Can(read_back=False)),
    "together": lambda: MemoryVendor(can=Can(together=True)),
    "keeps": lambda: MemoryVendor(on_unmap="keep"),
}


class TestMemory(DestinationSuite):
    @pytest.fixture(params=KINDS.values(), ids=KINDS)
    def vendor(self, request: pytest.FixtureRequest) -> Vendor:
        return request.param()
