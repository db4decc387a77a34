"""The objects of a rehearsal org and their fields, as a plain org has them.

Instants are kept as epoch milliseconds (``datetime``), days as ``YYYY-MM-DD`` text (``date``).
"""

# ruff: noqa: E501  the tables read better unbroken
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

__all__ = ["LABELS", "Field", "SObject", "sobjects"]


@dataclass(frozen=True)
class Field:
    """One field; ``to`` and ``relationship`` are set for references, ``external`` for external ids."""

    name: str
    type: str
    to: tuple[str, ...] = ()
    relationship: str | None = None
    external: bool = False

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")


@dataclass(frozen=True)
class SObject:
    """One object with its fields in order."""

    name: str
    fields: dict[str, Field]

    def find(self, name: str) -> Field | None:
        """A field by name; letter case does not matter in SOQL."""
        return self.fields.get(name) or self._lower().get(name.lower())

    def relation(self, name: str) -> Field | None:
        """The reference field of a relationship such as ``Account`` or ``Owner``."""
        wanted = name.lower()
        return next(
            (f for f in self.fields.values() if f.relationship and f.relationship.lower() == wanted), None
        )

    @cache  # noqa: B019  objects live as long as the process
    def _lower(self) -> dict[str, Field]:
        return {name.lower(): field for name, field in self.fields.items()}

    def __hash__(self) -> int:
        return hash(self.name)


_SYSTEM = (
    "Id:id IsDeleted:boolean CreatedDate:datetime CreatedById>User=CreatedBy LastModifiedDate:datetime "
    "LastModifiedById>User=LastModifiedBy SystemModstamp:datetime"
)
_ADDRESS = "{0}Street:textarea {0}City:string {0}State:string {0}PostalCode:string {0}Country:string"
_TEXT: dict[str, str] = {
    "Account": (
        "MasterRecordId>Account=MasterRecord Name:string Type:picklist ParentId>Account=Parent "
        + _ADDRESS.format("Billing") + " " + _ADDRESS.format("Shipping")
        + " Phone:phone Fax:phone AccountNumber:string Website:url Sic:string SicDesc:string Industry:picklist "
        "AnnualRevenue:currency NumberOfEmployees:int Ownership:picklist TickerSymbol:string Description:textarea "
        "Rating:picklist Site:string OwnerId>User=Owner AccountSource:picklist DunsNumber:string NaicsCode:string "
        "NaicsDesc:string YearStarted:string Tradestyle:string LastActivityDate:date Tier__c:picklist"
    ),
    "Contact": (
        "MasterRecordId>Contact=MasterRecord AccountId>Account=Account LastName:string FirstName:string "
        "Salutation:picklist Name:string " + _ADDRESS.format("Mailing") + " " + _ADDRESS.format("Other")
        + " Phone:phone Fax:phone MobilePhone:phone HomePhone:phone OtherPhone:phone ReportsToId>Contact=ReportsTo "
        "Email:email Title:string Department:string AssistantName:string AssistantPhone:phone LeadSource:picklist "
        "Birthdate:date Description:textarea OwnerId>User=Owner HasOptedOutOfEmail:boolean HasOptedOutOfFax:boolean "
        "DoNotCall:boolean LastActivityDate:date EmailBouncedReason:string EmailBouncedDate:datetime "
        "IsEmailBounced:boolean"
    ),
    "Lead": (
        "MasterRecordId>Lead=MasterRecord LastName:string FirstName:string Salutation:picklist Name:string "
        "Title:string Company:string " + _ADDRESS.format("") + " Phone:phone MobilePhone:phone Fax:phone Email:email "
        "Website:url Description:textarea LeadSource:picklist Status:picklist Industry:picklist Rating:picklist "
        "AnnualRevenue:currency NumberOfEmployees:int OwnerId>User=Owner HasOptedOutOfEmail:boolean "
        "DoNotCall:boolean IsConverted:boolean ConvertedDate:date ConvertedAccountId>Account=ConvertedAccount "
        "ConvertedContactId>Contact=ConvertedContact ConvertedOpportunityId>Opportunity=ConvertedOpportunity "
        "CompanyDunsNumber:string LastActivityDate:date"
    ),
    "AccountContactRelation": (
        "AccountId>Account=Account ContactId>Contact=Contact Roles:multipicklist IsDirect:boolean IsActive:boolean "
        "StartDate:date EndDate:date"
    ),
    "Opportunity": (
        "AccountId>Account=Account IsPrivate:boolean Name:string Description:textarea StageName:picklist "
        "Amount:currency Probability:percent ExpectedRevenue:currency TotalOpportunityQuantity:double CloseDate:date "
        "Type:picklist NextStep:string LeadSource:picklist IsClosed:boolean IsWon:boolean ForecastCategory:picklist "
        "ForecastCategoryName:picklist CampaignId>Campaign=Campaign HasOpportunityLineItem:boolean "
        "OwnerId>User=Owner Fiscal:string FiscalQuarter:int FiscalYear:int LastActivityDate:date "
        "LastStageChangeDate:datetime"
    ),
    "OpportunityContactRole": (
        "OpportunityId>Opportunity=Opportunity ContactId>Contact=Contact Role:picklist IsPrimary:boolean"
    ),
    "Campaign": (
        "Name:string ParentId>Campaign=Parent Type:picklist Status:picklist StartDate:date EndDate:date "
        "ExpectedRevenue:currency BudgetedCost:currency ActualCost:currency ExpectedResponse:percent NumberSent:double "
        "IsActive:boolean Description:textarea NumberOfLeads:int NumberOfContacts:int NumberOfResponses:int "
        "OwnerId>User=Owner"
    ),
    "CampaignMember": (
        "CampaignId>Campaign=Campaign LeadId>Lead=Lead ContactId>Contact=Contact AccountId>Account=Account "
        "LeadOrContactId:reference Type:string Status:picklist HasResponded:boolean FirstRespondedDate:date "
        "CompanyOrAccount:string Email:email Name:string"
    ),
    # An object of the org's own: what customers signed.
    "Contract__c": (
        "Name:string OwnerId>User=Owner Account__c>Account=Account__r Opportunity__c>Opportunity=Opportunity__r "
        "Number__c:external Status__c:picklist Value__c:currency Start__c:date End__c:date"
    ),
    "User": "Username:string LastName:string FirstName:string Name:string Email:email IsActive:boolean",
    "Organization": "Name:string IsSandbox:boolean OrganizationType:picklist InstanceName:picklist Country:string",
}  # fmt: skip
LABELS = {
    "AccountContactRelation": "Account Contact Relationship",
    "OpportunityContactRole": "Opportunity Contact Role",
    "Contract__c": "Contract",
}
WITHOUT_DELETE = {"User", "Organization"}


@cache
def sobjects() -> dict[str, SObject]:
    """The objects by name."""
    return {name: SObject(name, _fields(name, text)) for name, text in _TEXT.items()}


def _fields(name: str, text: str) -> dict[str, Field]:
    system = _SYSTEM.replace("IsDeleted:boolean ", "") if name in WITHOUT_DELETE else _SYSTEM
    head, _, tail = system.partition(" CreatedDate")
    found = {}
    for word in f"{head} {text} CreatedDate{tail}".split():
        field = _field(word)
        found[field.name] = field
    return found


def _field(word: str) -> Field:
    name, mark, rest = word.partition(">")
    if mark:
        to, _, relationship = rest.partition("=")
        return Field(name, "reference", (to,), relationship)
    name, _, kind = word.partition(":")
    return Field(name, "string", external=True) if kind == "external" else Field(name, kind)
