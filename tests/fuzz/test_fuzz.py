"""A short run of each fuzzing target, the same each time; longer ones are started by hand (CONTRIBUTING)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("atheris", reason="Atheris is made for Linux and macOS")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "runs"), [("text", 400), ("json", 4_000), ("audience", 2_000), ("rows", 150)]
)
def test_nothing_but_invalid_comes_of_any_input(target: str, runs: int, tmp_path: Path) -> None:
    """The process of its own ends with what was found; Atheris does not come back from a run."""
    words = [target, f"-runs={runs}", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    found = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == found.returncode, "\n".join(
        line for line in found.stderr.splitlines() if not line.startswith(("INFO", "#", " - leaked"))
    )
    assert f"Done {runs} runs" in found.stderr
