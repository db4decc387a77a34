"""A fresh project for each story."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stories.bodea import Bodea

from townsend.cli.main import main


@pytest.fixture
def bodea(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bodea:
    folder = tmp_path / "bodea"
    assert main(["init", str(folder)]) == 0
    (folder / "townsend.yaml").write_text("name: bodea\ncurrency: USD\n", "utf-8")
    (folder / "audiences" / "first.yaml").unlink()
    return Bodea(folder, capsys)
