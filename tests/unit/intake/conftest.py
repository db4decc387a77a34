"""One desk a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.intake.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.facts.close()
