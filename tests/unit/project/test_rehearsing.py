"""Faults of a rehearsal: they repeat on a seed, and not for ever at the same call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from townsend.project.rehearsing import Rehearsal, faults_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_pull_made_again_later_meets_other_faults() -> None:
    rehearsal = Rehearsal(7, 0, NOON, 600.0, 3)
    later = [faults_of(rehearsal, NOON + timedelta(minutes=n)) for n in range(30)]

    assert 30 == len(set(later))


def test_the_same_instant_and_seed_give_the_same_faults() -> None:
    one, other = Rehearsal(7, 0, NOON, 600.0, 3), Rehearsal(7, 0, NOON, 600.0, 4)

    assert faults_of(one, NOON) == faults_of(one, NOON + timedelta(seconds=1))
    assert faults_of(one, NOON) != faults_of(other, NOON)


def test_a_calm_rehearsal_has_no_faults() -> None:
    assert faults_of(Rehearsal(7, 0, NOON, 600.0, None), NOON) is None
