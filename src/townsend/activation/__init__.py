"""Audiences where they are used: what must change there, sent once, kept with what was confirmed."""

from __future__ import annotations

from townsend.activation.membership import Moved, record_membership
from townsend.activation.plan import ActivationPlan
from townsend.activation.reports import DeliveryReport

__all__ = ["ActivationPlan", "DeliveryReport", "Moved", "record_membership"]
