"""Rows from anywhere into facts: checked with their place, refused with a reason, accepted durably."""

from townsend.intake.files import load_files
from townsend.intake.load import accept_rows
from townsend.intake.renumber import number_identities, reassign_events, reassigned
from townsend.intake.replay import replay
from townsend.intake.rules import Accepted, FileReport, IntakeRules, SourceTraits

__all__ = [
    "Accepted",
    "FileReport",
    "IntakeRules",
    "SourceTraits",
    "accept_rows",
    "load_files",
    "number_identities",
    "reassign_events",
    "reassigned",
    "replay",
]
