"""The record ids of an org by what they stand for, and what every record has."""

from __future__ import annotations

from typing import Any

from townsend.rehearsal.ids import salesforce_id

__all__ = ["PODS", "Keys", "Row", "system"]

Row = dict[str, Any]
PODS = ("5e", "7Q")


class Keys:
    """The record ids of one org by what they stand for.

    Args:
        crm: 0 for CRM 1, 1 for CRM 2.
    """

    def __init__(self, crm: int) -> None:
        self.pod = PODS[crm]
        self.org = salesforce_id("Organization", self.pod, 1)
        self.user = salesforce_id("User", self.pod, 1)

    def account(self, firm: int) -> str:
        return salesforce_id("Account", self.pod, firm + 1)

    def person(self, human: int, kind: str) -> str:
        return salesforce_id(kind, self.pod, human + 1)

    def deal(self, deal: int) -> str:
        return salesforce_id("Opportunity", self.pod, deal + 1)

    def campaign(self, campaign: int) -> str:
        return salesforce_id("Campaign", self.pod, campaign + 1)


def system(keys: Keys, record_id: str, created_ms: int, updated_ms: int, deleted: bool = False) -> Row:
    """The fields that the org fills itself."""
    # The stamp may run a little ahead of the last change: background jobs of the org touch it too.
    stamp = updated_ms + (1_000 if record_id[14] in "37Kk" and updated_ms > created_ms else 0)
    return {
        "Id": record_id,
        "IsDeleted": deleted,
        "CreatedDate": created_ms,
        "CreatedById": keys.user,
        "LastModifiedDate": updated_ms,
        "LastModifiedById": keys.user,
        "SystemModstamp": stamp,
    }
