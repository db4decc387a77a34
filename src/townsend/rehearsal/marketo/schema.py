"""The fields and activity types of a Marketo instance that is synced with a Salesforce org."""

# ruff: noqa: E501  the tables read better unbroken
from __future__ import annotations

from typing import NamedTuple

__all__ = ["ACTIVITY_TYPES", "COMPANY_FIELDS", "LEAD_FIELDS", "MEMBER_FIELDS", "OPPORTUNITY_FIELDS"]
__all__ += ["LICENSE", "LICENSE_FIELDS", "NAMED_FIELDS", "ROLE_FIELDS", "SEARCHABLE", "ActivityType", "Field"]


class Field(NamedTuple):
    """A field of an object; ``crm`` is managed by the synced CRM."""

    name: str
    type: str
    writable: bool = True
    custom: bool = False
    crm: bool = False

    @property
    def label(self) -> str:
        spaced = "".join(f" {c}" if c.isupper() else c for c in self.name)
        return spaced[:1].upper() + spaced[1:]

    @property
    def length(self) -> int | None:
        return {"string": 255, "email": 255, "phone": 255, "url": 255, "text": 2_000}.get(self.type)


class ActivityType(NamedTuple):
    """A kind of activity: its primary attribute and the others, each ``name:type``; ``api`` of a custom one."""

    id: int
    name: str
    primary: str | None
    attributes: tuple[str, ...]
    api: str | None = None


def _fields(text: str) -> dict[str, Field]:
    """Words ``name:type``; ``!`` read only, ``+`` custom, ``~`` of the CRM."""
    found = {}
    for word in text.split():
        name, _, kind = word.partition(":")
        marks = kind[len(kind.rstrip("!+~")) :]
        found[name] = Field(name, kind.rstrip("!+~"), "!" not in marks, "+" in marks, "~" in marks)
    return found


LEAD_FIELDS = _fields(
    "id:integer! email:email firstName:string middleName:string lastName:string salutation:string title:string "
    "department:string company:string website:url mainPhone:phone phone:phone mobilePhone:phone fax:phone "
    "address:text city:string state:string postalCode:string country:string billingStreet:text "
    "billingCity:string billingState:string billingPostalCode:string billingCountry:string industry:string "
    "sicCode:string annualRevenue:currency numberOfEmployees:integer leadSource:string leadStatus:string "
    "leadScore:score leadRole:string rating:string priority:integer urgency:float relativeScore:integer "
    "unsubscribed:boolean unsubscribedReason:text emailInvalid:boolean emailInvalidCause:text "
    "emailSuspended:boolean blackListed:boolean marketingSuspended:boolean marketingSuspendedCause:string "
    "doNotCall:boolean doNotCallReason:text personType:string isLead:boolean! isAnonymous:boolean! "
    "leadPartitionId:integer! acquisitionProgramId:integer contactCompany:integer! externalCompanyId:string "
    "externalSalesPersonId:string leadPerson:integer! originalSourceType:string! originalSourceInfo:string! "
    "originalReferrer:string! registrationSourceType:string! dateOfBirth:date inferredCompany:string! "
    "inferredCity:string! inferredCountry:string! anonymousIP:string! cookies:string! ecids:string! "
    "sfdcType:string!~ sfdcId:string!~ sfdcContactId:string!~ sfdcLeadId:string!~ sfdcAccountId:string!~ "
    "productInterest:string+ createdAt:datetime! updatedAt:datetime!"
)
SEARCHABLE = (
    "id", "email", "externalCompanyId", "cookies", "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcId",
    "contactCompany", "leadPartitionId", "productInterest",
)  # fmt: skip
COMPANY_FIELDS = _fields(
    "id:integer! externalCompanyId:string externalSalesPersonId:string company:string site:string website:url "
    "mainPhone:phone industry:string sicCode:string annualRevenue:currency numberOfEmployees:integer "
    "billingStreet:text billingCity:string billingState:string billingPostalCode:string billingCountry:string "
    "companyNotes:text createdAt:datetime! updatedAt:datetime!"
)
OPPORTUNITY_FIELDS = _fields(
    "marketoGUID:string! externalOpportunityId:string name:string description:text type:string stage:string "
    "amount:currency expectedRevenue:currency probability:integer quantity:float closeDate:datetime isWon:boolean "
    "isClosed:boolean forecastCategory:string forecastCategoryName:string fiscal:string fiscalQuarter:string "
    "fiscalYear:string leadSource:string nextStep:string lastActivityDate:datetime "
    "externalCreatedDate:datetime externalSalesPersonId:string createdAt:datetime! updatedAt:datetime!"
)
MEMBER_FIELDS = _fields(
    "leadId:integer! programId:integer! statusName:string reachedSuccess:boolean! reachedSuccessDate:datetime! "
    "membershipDate:datetime! acquiredBy:boolean! nurtureCadence:string isExhausted:boolean! statusReason:string "
    "registrationCode:string webinarUrl:string trackName:string! createdAt:datetime! updatedAt:datetime!"
)
ROLE_FIELDS = _fields(
    "marketoGUID:string! externalOpportunityId:string leadId:integer role:string isPrimary:boolean "
    "externalCreatedDate:datetime createdAt:datetime! updatedAt:datetime!"
)
NAMED_FIELDS = _fields(
    "marketoGUID:string! name:string crmGuid:string! sourceType:string! industry:string sicCode:string "
    "annualRevenue:currency numberOfEmployees:integer city:string state:string country:string logoUrl:url "
    "createdAt:datetime! updatedAt:datetime!"
)
# A custom object of this instance, hung on leads.
LICENSE = "license_c"
LICENSE_FIELDS = _fields(
    "marketoGUID:string! licenseKey:string leadId:integer product:string seats:integer price:currency "
    "endsOn:date createdAt:datetime! updatedAt:datetime!"
)
_VISITOR = ("Client IP Address:string", "Query Parameters:string", "Referrer URL:string", "User Agent:string")
_MAIL = ("Campaign Run ID:integer", "Choice Number:integer", "Step ID:integer", "Test Variant:integer")
_DEVICE = ("Device:string", "Is Mobile Device:boolean", "Platform:string", "User Agent:string")

_TYPES = (
    ActivityType(1, "Visit Webpage", "Webpage ID:reference", (*_VISITOR, "Search Engine:string", "Search Query:string", "Webpage URL:string")),
    ActivityType(2, "Fill Out Form", "Webform ID:reference", (*_VISITOR, "Form Fields:text", "Webpage ID:reference")),
    ActivityType(3, "Click Link", "Link ID:reference", (*_VISITOR, "Webpage ID:reference")),
    ActivityType(6, "Send Email", "Mailing ID:reference", _MAIL),
    ActivityType(7, "Email Delivered", "Mailing ID:reference", _MAIL),
    ActivityType(8, "Email Bounced", "Mailing ID:reference", (*_MAIL, "Category:string", "Details:text", "Email:email", "Subcategory:string")),
    ActivityType(9, "Unsubscribe Email", "Mailing ID:reference", (*_MAIL, "Client IP Address:string", "Form Fields:text", "Webform ID:reference")),
    ActivityType(10, "Open Email", "Mailing ID:reference", (*_MAIL, *_DEVICE)),
    ActivityType(11, "Click Email", "Mailing ID:reference", (*_MAIL, *_DEVICE, "Link:string", "Link ID:string")),
    ActivityType(12, "New Lead", None, ("Created Date:date", "Form Name:string", "Lead Source:string", "List Name:string", "SFDC Type:string", "Source Type:string")),
    ActivityType(13, "Change Data Value", "Attribute Name:string", ("New Value:text", "Old Value:text", "Reason:text", "Source:text")),
    ActivityType(22, "Change Score", "Score Name:string", ("Change Value:integer", "New Value:integer", "Old Value:integer", "Reason:text")),
    ActivityType(24, "Add to List", "List ID:reference", ("Source:string",)),
    ActivityType(25, "Remove from List", "List ID:reference", ("Source:string",)),
    ActivityType(27, "Email Bounced Soft", "Mailing ID:reference", (*_MAIL, "Category:string", "Details:text", "Email:email")),
    ActivityType(32, "Merge Leads", "Lead ID:reference", ("Master Updated:boolean", "Merge IDs:string", "Merge Source:string", "Merged in Sales:boolean")),
    ActivityType(34, "Add to Opportunity", "Opportunity ID:reference", ("Is Primary:boolean", "Role:string")),
    ActivityType(37, "Delete Lead", "Lead Name:string", ("Delete Lead from CRM:boolean", "Source:string")),
    ActivityType(46, "Interesting Moment", "Type:string", ("Date:datetime", "Description:text", "Source:string")),
    ActivityType(104, "Change Status in Progression", "Program ID:reference", ("Acquired By:boolean", "New Status:string", "New Status ID:integer", "Old Status:string", "Program Member ID:integer", "Success:boolean")),
    ActivityType(100_001, "Webinar Question", "Webinar:string", ("Question:text", "Seat Number:integer", "Answered:boolean", "Asked At:datetime"), "webinarQuestion_c"),
)  # fmt: skip
ACTIVITY_TYPES = {kind.id: kind for kind in _TYPES}
