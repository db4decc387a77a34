"""What a property computed is said at the end of a run, passed or not, side by side or one by one."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", ()):
            terminalreporter.section(f"{report.nodeid.rpartition('::')[2]}: {name}")
            terminalreporter.write_line(str(value))
