"""Set up a checkout and do the usual jobs, with nothing but Python and git.

Jobs:
    python3 make.py demo     make the environment, install, run the story end to end
    python3 make.py test     make the environment, install, run every check and test
    python3 make.py setup    make the environment and install
    python3 make.py bench    time Townsend beside hand-written SQL (minutes; see docs/benchmarks.md)
    python3 make.py wheel    build the wheel, install it alone in a new environment, run its demo
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
LOCK = ROOT / "requirements" / "lock.txt"
PYTHON = HOME / ("Scripts" if os.name == "nt" else "bin") / "python"


def call(*words: object) -> None:
    """Run a command in the checkout; stop with its exit code if it fails."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def setup() -> None:
    """An environment with exactly what the lock file names, and this checkout installed in it."""
    if sys.version_info < (3, 11):
        sys.exit(f"Townsend needs Python 3.11 or later; this is {sys.version.split()[0]}")
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    mark = HOME / "townsend-installed"
    if PYTHON.exists() and mark.exists() and mark.read_text() == wanted:
        return
    print("Setting up .venv (once, and again when the lock file changes) …", flush=True)
    venv.create(HOME, with_pip=True, upgrade_deps=False)
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    call(*pip, "--require-hashes", "--no-deps", "-r", LOCK)
    call(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    mark.write_text(wanted)


def demo(*options: str) -> None:
    """The story of two accounts that are one company."""
    call(PYTHON, "-m", "townsend", "demo", *options)


def test(*options: str) -> None:
    """Lint, types, then tests: fast ones first."""
    call(PYTHON, "-m", "ruff", "check", ".")
    call(PYTHON, "-m", "ruff", "format", "--check", ".")
    call(PYTHON, "-m", "mypy")
    call(PYTHON, "-m", "pytest", "-m", "not slow", "-n", "2", *options)
    call(PYTHON, "-m", "pytest", "-m", "slow", "-n", "2", *options)


def bench(*options: str) -> None:
    """The table of docs/benchmarks.md."""
    call(PYTHON, "-m", "benchmarks", *options)


def wheel() -> None:
    """What a user of the package gets: the wheel alone, in an environment of its own."""
    with tempfile.TemporaryDirectory() as folder:
        call(PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
        (built,) = Path(folder).glob("*.whl")
        alone = Path(folder) / "alone"
        venv.create(alone, with_pip=True)
        python = alone / PYTHON.relative_to(HOME)
        call(python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", built)
        call(python, "-m", "townsend", "demo")


def main(words: list[str]) -> None:
    """Run the job that the first word names."""
    jobs = {"setup": None, "demo": demo, "test": test, "bench": bench, "wheel": wheel}
    if not words or words[0] not in jobs:
        sys.exit(__doc__)
    setup()
    job = jobs[words[0]]
    if job is not None:
        job(*words[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
