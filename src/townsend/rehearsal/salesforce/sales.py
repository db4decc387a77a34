"""Opportunities with their contact roles, and campaigns with their members, as one CRM sees them."""

from __future__ import annotations

from typing import Any

from townsend.rehearsal.company import Company
from townsend.rehearsal.deals import STAGES, Deal
from townsend.rehearsal.ids import salesforce_id
from townsend.rehearsal.salesforce.keys import Keys, Row, system
from townsend.rehearsal.times import DAY_MS, day

__all__ = ["SOURCES", "campaigns", "contract", "opportunity", "roles"]

SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Trade Show", "Other")


def opportunity(deal: Deal, company: Company, keys: Keys) -> Row:
    """One opportunity."""
    probability, forecast, closed, won = STAGES[deal.stage]
    close = day(deal.closed_ms)
    campaigns = len(company.campaigns) // 2
    return system(keys, keys.deal(deal.n), deal.created_ms, deal.updated_ms, deal.deleted) | {
        "AccountId": keys.account(deal.firm),
        "IsPrivate": False,
        "Name": deal.name,
        "StageName": deal.stage,
        "Amount": float(deal.amount),
        "Probability": float(probability),
        "ExpectedRevenue": deal.amount * probability / 100,
        "CloseDate": close,
        "Type": deal.type,
        "LeadSource": SOURCES[deal.n % len(SOURCES)],
        "IsClosed": closed,
        "IsWon": won,
        "ForecastCategory": forecast.replace(" ", ""),
        "ForecastCategoryName": forecast,
        "CampaignId": keys.campaign(deal.campaign % campaigns)
        if deal.campaign is not None and campaigns
        else None,
        "HasOpportunityLineItem": False,
        "OwnerId": keys.user,
        "Fiscal": f"{close[:4]} {(int(close[5:7]) + 2) // 3}",
        "FiscalQuarter": (int(close[5:7]) + 2) // 3,
        "FiscalYear": int(close[:4]),
        "LastStageChangeDate": deal.updated_ms,
    }


def roles(deal: Deal, keys: Keys) -> list[Row]:
    """The contact roles of an opportunity."""

    def role_id(k: int) -> str:
        return salesforce_id("OpportunityContactRole", keys.pod, deal.n * 10 + k + 1)

    return [
        system(keys, role_id(k), deal.created_ms, deal.updated_ms, deal.deleted)
        | {
            "OpportunityId": keys.deal(deal.n),
            "ContactId": keys.person(human, "Contact"),
            "Role": role,
            "IsPrimary": k == 0,
        }
        for k, (human, role) in enumerate(deal.contacts)
    ]


def contract(deal: Deal, keys: Keys) -> Row | None:
    """What a customer signed for a deal that was won: a record of the org's own object."""
    if not STAGES[deal.stage][3]:
        return None
    begun = deal.closed_ms - deal.closed_ms % DAY_MS
    record_id = salesforce_id("Contract__c", keys.pod, deal.n + 1)
    return system(keys, record_id, deal.updated_ms, deal.updated_ms, deal.deleted) | {
        "Name": f"Contract for {deal.name}",
        "OwnerId": keys.user,
        "Account__c": keys.account(deal.firm),
        "Opportunity__c": keys.deal(deal.n),
        "Number__c": f"C-{10_000 + deal.n}",
        "Status__c": "Active",
        "Value__c": float(deal.amount),
        "Start__c": day(begun),
        "End__c": day(begun + 365 * DAY_MS),
    }


def campaigns(found: dict[str, list[Row]], company: Company, crm: int, keys: Keys) -> None:
    """Campaigns and their members."""
    for campaign in company.campaigns:
        if campaign.crm != crm:
            continue
        created = campaign.start_ms - 10 * DAY_MS
        created -= created % 1_000
        found["Campaign"].append(
            system(keys, keys.campaign(campaign.n), created, created + DAY_MS)
            | {
                "Name": campaign.name,
                "ParentId": keys.campaign(campaign.parent) if campaign.parent is not None else None,
                "Type": campaign.type,
                "Status": "In Progress" if campaign.active else "Completed",
                "StartDate": day(campaign.start_ms),
                "EndDate": day(campaign.end_ms),
                "BudgetedCost": 5_000.0 * (1 + campaign.n % 7),
                "ActualCost": 4_200.0 * (1 + campaign.n % 7) if not campaign.active else None,
                "ExpectedResponse": 10.0,
                "IsActive": campaign.active,
                "OwnerId": keys.user,
            }
        )
    for member in company.campaign_members:
        if member.crm == crm:
            found["CampaignMember"].append(_member(member.n, member, company, keys))


def _member(n: int, member: Any, company: Company, keys: Keys) -> Row:
    human = company.humans[member.human]
    kind = human.crm[member.crm] or "Contact"
    person = keys.person(human.n, kind)
    responded = member.status in {"Registered", "Responded"}
    stamps = system(
        keys, salesforce_id("CampaignMember", keys.pod, n + 1), member.created_ms, member.created_ms
    )
    return stamps | {
        "CampaignId": keys.campaign(member.campaign),
        "LeadId": person if kind == "Lead" else None,
        "ContactId": person if kind == "Contact" else None,
        "LeadOrContactId": person,
        "Type": kind,
        "Status": member.status,
        "HasResponded": responded,
        "FirstRespondedDate": day(member.created_ms) if responded else None,
        "CompanyOrAccount": company.firms[human.firm].names[member.crm],
        "Email": human.email or None,
        "Name": f"{human.first} {human.last}",
    }
