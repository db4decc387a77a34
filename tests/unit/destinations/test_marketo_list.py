"""Marketo static lists, against the rehearsal Marketo and with the engine around them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from tests.suites.destination_suite import DestinationSuite
from tests.unit.destinations.bridge import BASE, Bridge, StillClock, lost_answer, says

from townsend.activation.contract import Address, Done, Later, Lookup, Member, Parcel, Refusal
from townsend.activation.destinations import open_destination
from townsend.activation.destinations.marketo_list import (
    COMPANY,
    FIRST_NAME,
    LAST_NAME,
    OTHERS,
    MarketoLists,
)
from townsend.problem import Invalid, Problem, Unavailable
from townsend.rehearsal.chaos import Chaos
from townsend.rehearsal.company import generate
from townsend.rehearsal.marketo.instance import Marketo
from townsend.rehearsal.times import now_ms

CLIENT = ("app", "secret")
HV = "high-value-visitors"
NAMES = {FIRST_NAME: "Ana", LAST_NAME: "Kim", COMPANY: "Acme"}


def email(number: int) -> str:
    return f"q{number}@people.test"


class Instance:
    """The rehearsal Marketo 1, a destination that leads to it, and what the far end was told."""

    def __init__(self, chaos: Chaos | None = None, **settings: Any) -> None:
        self.clock = StillClock()
        self.vendor = Marketo(0, partial(generate, 7, 0, now_ms(self.clock)), CLIENT, 7, None)
        self.bridge = Bridge(self.vendor, self.clock, chaos)
        self.bridge.may_fail = _sends_members
        self.settings = {
            "type": "marketo_list",
            "base_url": BASE,
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
            "munchkin_id": self.vendor.munchkin_id,
            "folder": self.vendor.extra["folder"],
            **settings,
        }
        self.leads: dict[int, int] = {}
        self.log: list[tuple[str, int]] = []
        self.vendor.do = self._noted  # type: ignore[method-assign]

    def _noted(self, step: str, **facts: Any) -> Any:
        if step in ("add", "remove"):
            self.log += [(step, lead) for lead in facts["leads"]]
        return self.vendor.world.do(step, **facts)

    def destination(self) -> MarketoLists:
        return MarketoLists("marketo", self.settings, self.clock, transport=self.bridge)

    def lead(self, number: int) -> str:
        """The lead of person ``number``, made if there is none."""
        if number not in self.leads:
            self.leads[number] = self.make_lead(email(number))
        return str(self.leads[number])

    def make_lead(self, address: str) -> int:
        return int(self.vendor.world.do("create_lead", values={"email": address}, at_ms=now_ms(self.clock)))

    def member(self, number: int) -> Member:
        """Every second person is known by the lead's own key, the others by e-mail alone."""
        identities = {"Email": [email(number)]}
        lead = self.lead(number)
        if number % 2:
            identities["b2b_person"] = [f"{lead}@{self.vendor.munchkin_id}.Marketo"]
        return Member(number, identities)

    def there(self, name: str) -> set[int]:
        numbers = {lead: number for number, lead in self.leads.items()}
        found = self.vendor.world.assets.list_named(name)
        return {numbers[lead] for lead in found.members} if found else set()

    def lose(self, name: str) -> None:
        found = self.vendor.world.assets.list_named(name)
        assert found is not None
        self.vendor.world.do("drop_list", list_id=found.id)

    def fail(self, calls: int, *, heard: bool) -> None:
        self.bridge.faults = [lost_answer if heard else says(503)] * calls

    def sent(self) -> list[tuple[str, int]]:
        numbers = {lead: number for number, lead in self.leads.items()}
        return [(action, numbers[lead]) for action, lead in self.log]


def _sends_members(request: httpx.Request) -> bool:
    return request.method in ("POST", "DELETE") and request.url.path.startswith("/rest/v1/lists/")


class TestMarketoListSuite(DestinationSuite):
    @pytest.fixture
    def vendor(self) -> Instance:
        return Instance()


@pytest.fixture
def instance() -> Instance:
    return Instance()


def add(*leads: str) -> list[Parcel]:
    return [Parcel("add", int(lead), (lead,)) for lead in leads]


def remove(*leads: str) -> list[Parcel]:
    return [Parcel("remove", int(lead), (lead,)) for lead in leads]


# ------------------------------------------------------------ how people are called


def test_a_lead_of_this_instance_is_called_by_its_own_id(instance: Instance) -> None:
    munchkin = instance.vendor.munchkin_id
    keys = [
        f"31@{munchkin}.Marketo",
        f"7@{munchkin.lower()}.marketo",
        "5@999-XYZ-999.Marketo",
        "003A@crm.Salesforce",
    ]
    member = Member(1, {"b2b_person": keys, "Email": ["a@b.test"]})
    destination = instance.destination()

    assert {"7": f"b2b_person:{keys[1]}"} == destination.address(member, {}, frozenset()).identifiers
    assert {"31": f"b2b_person:{keys[0]}"} == destination.address(member, {}, frozenset({"7"})).identifiers
    assert ("b2b_person", f"31@{munchkin}.Marketo") == destination.identity_of("31")


def test_others_are_asked_for_by_every_address_and_called_by_the_lowest_lead(instance: Instance) -> None:
    member = Member(1, {"Email": ["b@c.test", "a@b.test", "nobody"]})
    destination = instance.destination()
    asked = destination.address(member, {}, frozenset())
    known = {"Email:a@b.test": ("90", "12"), "Email:b@c.test": ("12", "100")}

    assert Address({}, (Lookup("Email", "a@b.test"), Lookup("Email", "b@c.test"))) == asked
    assert Address({"12": "Email:a@b.test"}) == destination.address(member, known, frozenset())
    assert Address({"90": "Email:a@b.test"}) == destination.address(member, known, frozenset({"12"}))


def test_leads_are_found_by_address_whoever_shares_it(instance: Instance) -> None:
    first, second = instance.make_lead("Shared@B.test"), instance.make_lead("shared@b.test")
    other = instance.make_lead("other@b.test")
    emails = ["shared@b.test", "other@b.test", "stranger@b.test", "a,b@b.test"]
    found = instance.destination().resolve([Lookup("Email", one) for one in emails])

    assert {
        "Email:shared@b.test": (str(first), str(second)),
        "Email:other@b.test": (str(other),),
    } == found


def test_three_hundred_addresses_are_asked_for_in_one_call(instance: Instance) -> None:
    emails = [f"somebody.with.a.long.name.{n}@a-rather-long-domain-name.test" for n in range(300)]
    instance.make_lead(emails[299])
    instance.bridge.seen.clear()
    found = instance.destination().resolve([Lookup("Email", one) for one in emails])

    assert [f"Email:{emails[299]}"] == list(found)
    assert ["POST /rest/v1/leads.json"] == instance.bridge.paths()


def test_more_than_a_thousand_matches_are_asked_for_in_parts(instance: Instance) -> None:
    emails = [f"shared{n}@b.test" for n in range(300)]
    made = {one: {instance.make_lead(one) for _ in range(4)} for one in emails}
    found = instance.destination().resolve([Lookup("Email", one) for one in emails])

    assert {f"Email:{one}": tuple(map(str, sorted(ids))) for one, ids in made.items()} == found


def test_a_stranger_is_made_once_if_the_settings_say_so(instance: Instance) -> None:
    instance.settings["create_missing"] = True
    destination = instance.destination()
    member = Member(1, {"Email": ["new@b.test", "zweite@b.test"]}, NAMES)
    lookups = destination.address(member, {}, frozenset()).lookups
    found = destination.resolve(lookups)
    again = destination.resolve(lookups)
    (lead,) = found["Email:new@b.test"]
    made = instance.vendor.world.people.by_id[int(lead)]

    assert {"Email:new@b.test": (lead,)} == found == again
    assert ["Ana", "Kim", "Acme"] == [made.get(name) for name in ("firstName", "lastName", "company")]


def test_who_is_known_by_another_address_or_has_no_name_is_not_made(instance: Instance) -> None:
    instance.settings["create_missing"] = True
    destination = instance.destination()
    known = instance.make_lead("old@b.test")
    before = set(instance.vendor.world.people.by_id)
    first = destination.address(Member(1, {"Email": ["new@b.test", "old@b.test"]}, NAMES), {}, frozenset())
    second = destination.address(Member(2, {"Email": ["b@b.test"]}, {FIRST_NAME: "Ana"}), {}, frozenset())
    # The look-ups of one person may come in different calls.
    found = destination.resolve(first.lookups[:1]) | destination.resolve(
        [*first.lookups[1:], *second.lookups]
    )

    assert {"Email:old@b.test": (str(known),)} == found
    assert before == set(instance.vendor.world.people.by_id)
    assert "old@b.test" == first.lookups[0].fields[OTHERS]


def test_matching_only_never_makes_a_lead(instance: Instance) -> None:
    before = set(instance.vendor.world.people.by_id)
    found = instance.destination().resolve([Lookup("Email", "new@b.test", NAMES)])

    assert ({}, before, ()) == (
        found,
        set(instance.vendor.world.people.by_id),
        instance.destination().fields,
    )


def test_a_lead_whose_making_was_not_answered_is_not_made_twice(instance: Instance) -> None:
    instance.settings["create_missing"] = True
    destination = instance.destination()
    lookups = [Lookup("Email", "new@b.test", NAMES)]
    instance.bridge.may_fail = lambda request: b"createOnly" in request.content
    instance.bridge.faults = [lost_answer]
    with pytest.raises(Unavailable) as caught:
        destination.resolve(lookups)
    found = destination.resolve(lookups)

    assert "destination.uncertain" == caught.value.code
    assert 1 == len(found["Email:new@b.test"])
    assert 1 == len(instance.vendor.world.people.find("email", ["new@b.test"]))


# ------------------------------------------------------------ lists


def test_a_list_is_made_in_the_folder_once_and_found_by_id_or_name(instance: Instance) -> None:
    first = instance.destination().prepare(HV, "High value", None)
    known = instance.destination().prepare(HV, "High value", first)
    again = instance.destination().prepare(HV, "High value", None)
    made = instance.vendor.world.assets.list_named("High value")

    assert made is not None
    assert instance.vendor.extra["folder"] == instance.vendor.world.assets.folders[made.folder[0]].name
    assert first == known == again
    assert (str(made.id), True) == (first.remote_id, first.ours)


def test_a_list_whose_making_was_not_answered_is_not_made_twice(instance: Instance) -> None:
    instance.bridge.may_fail = lambda request: request.url.path.endswith("/staticLists.json")
    instance.bridge.faults = [lost_answer]
    target = instance.destination().prepare(HV, "High value", None)

    assert target.ours
    assert 1 == sum(one.name == "High value" for one in instance.vendor.world.assets.lists.values())


def _make_list(instance: Instance, name: str, folder: str) -> int:
    found = instance.vendor.world.assets.folder_named(folder)
    assert found is not None
    return int(
        instance.vendor.world.do("make_list", name=name, folder=(found.id, "Folder"), description="", at_ms=0)
    )


def test_a_list_that_others_made_in_the_folder_is_taken_over_as_theirs(instance: Instance) -> None:
    made = _make_list(instance, "High value", instance.vendor.extra["folder"])
    target = instance.destination().prepare(HV, "High value", None)
    instance.destination().prepare(HV, "Buyers", target)

    assert (str(made), False) == (target.remote_id, target.ours)
    assert "High value" == instance.vendor.world.assets.lists[made].name


def test_a_list_of_that_name_elsewhere_is_left_alone(instance: Instance) -> None:
    instance.vendor.world.do("make_folder", name="Elsewhere", parent=1, description="", at_ms=0)
    _make_list(instance, "High value", "Elsewhere")
    with pytest.raises(Invalid) as caught:
        instance.destination().prepare(HV, "High value", None)

    assert "destination.name_taken" == caught.value.code
    assert "outside the folder 'Audiences'" in caught.value.text


def test_a_rename_follows_unless_the_name_is_taken(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    renamed = destination.prepare(HV, "Buyers", target)
    _make_list(instance, "Taken", instance.vendor.extra["folder"])
    with pytest.raises(Invalid) as caught:
        destination.prepare(HV, "Taken", renamed)

    assert (target.remote_id, "Buyers") == (renamed.remote_id, renamed.name)
    assert instance.vendor.world.assets.list_named("High value") is None
    assert ("destination.name_taken", True) == (caught.value.code, "already exists" in caught.value.text)


def test_a_list_that_is_gone_is_told_and_made_again(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.lose("High value")
    for call in (
        lambda: destination.send(target, add(instance.lead(1))),
        lambda: destination.there(target, [instance.lead(1)]),
        lambda: list(destination.read_back(target)),
    ):
        with pytest.raises(Unavailable) as caught:
            call()

        assert "destination.gone" == caught.value.code
    assert target.remote_id != destination.prepare(HV, "High value", target).remote_id


def test_a_folder_may_be_given_by_its_number(instance: Instance) -> None:
    folder = instance.vendor.world.assets.folder_named(instance.vendor.extra["folder"])
    assert folder is not None
    instance.settings["folder"] = folder.id
    target = instance.destination().prepare(HV, "High value", None)

    assert (folder.id, "Folder") == instance.vendor.world.assets.lists[int(target.remote_id)].folder


# ------------------------------------------------------------ members


def test_each_record_has_its_own_outcome_in_the_vendors_words(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    one, two, three = (instance.lead(number) for number in (1, 2, 3))
    added = destination.send(target, add(one, "999999", two))
    mixed = destination.send(target, [*remove(one), *add(three), *remove(three, "999999")])

    assert [Done(), Refusal("unknown", "Lead not found"), Done()] == added
    assert [Done(), Done(), Done(already=True), Done(already=True)] == mixed
    assert {2, 3} == instance.there("High value")


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (
            {"status": "skipped", "reasons": [{"code": "1008", "message": "no access to the partition"}]},
            Refusal("marketo.1008", "no access to the partition"),
        ),
        ({"status": "skipped", "reasons": [{"code": "1022", "message": "in use"}]}, Later("in use")),
        ({"status": "skipped"}, Refusal("marketo.skipped", "skipped")),
    ],
)
def test_whatever_else_a_record_is_told_is_kept(
    instance: Instance, record: dict[str, Any], outcome: object
) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.bridge.faults = [says(200, json={"success": True, "result": [{"id": 1, **record}]})]

    assert [outcome] == destination.send(target, add("1"))


def test_an_answer_that_does_not_fit_is_not_taken_for_success(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.bridge.faults = [says(200, json={"success": True, "result": []})]
    with pytest.raises(Unavailable) as caught:
        destination.send(target, add(instance.lead(1)))

    assert "destination.answer" == caught.value.code


def test_membership_is_asked_for_and_read_back_over_pages(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    inside = [instance.lead(number) for number in range(1, 651)]
    outside = [instance.lead(number) for number in range(651, 700)]
    for start in range(0, len(inside), 300):
        destination.send(target, add(*inside[start : start + 300]))
    instance.bridge.seen.clear()
    found = sorted(destination.read_back(target), key=int)
    pages = len(instance.bridge.paths())

    assert (inside, 3) == (found, pages)
    assert set(inside) == destination.there(target, [*inside, *outside, "999999"])


def _code(code: str) -> Callable[..., httpx.Response]:
    return says(200, json={"success": False, "errors": [{"code": code, "message": "no"}]})


@pytest.mark.parametrize("code", ["601", "602", "606", "615", "713", "604", "611", "502", "1019"])
def test_a_call_that_may_be_made_again_is(instance: Instance, code: str) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.bridge.faults = [_code(code)]

    assert [Done()] == destination.send(target, add(instance.lead(1)))
    assert {1} == instance.there("High value")


def test_the_days_quota_is_said_and_not_waited_for(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.bridge.faults = [_code("607")]
    slept = sum(instance.clock.slept)
    with pytest.raises(Unavailable) as caught:
        destination.send(target, add(instance.lead(1)))

    assert ("vendor.quota", slept) == (caught.value.code, sum(instance.clock.slept))


def test_a_token_that_ends_is_replaced(instance: Instance) -> None:
    destination = instance.destination()
    target = destination.prepare(HV, "High value", None)
    instance.vendor.forget_tokens()
    outcomes = destination.send(target, add(instance.lead(1)))
    instance.clock.sleep(7_200)

    assert [Done()] == outcomes == destination.send(target, add(instance.lead(2)))


@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_day_the_end_is_right(seed: int) -> None:
    """Gateways, dropped answers, throttling and lost tokens, in any order."""
    instance = Instance(Chaos(seed, "marketo"))
    destination = instance.destination()
    target = _patiently(instance, lambda: destination.prepare(HV, "High value", None))
    wanted: set[int] = set()
    for turn in range(15):
        adds, removes = {turn * 3 + 1, turn * 3 + 2, turn * 3 + 3}, {turn * 2} & wanted
        parcels = [*add(*map(instance.lead, sorted(adds))), *remove(*map(instance.lead, removes))]
        _patiently(instance, partial(destination.send, target, parcels))
        wanted = (wanted | adds) - removes
    there = set(_patiently(instance, lambda: list(destination.read_back(target))))

    assert {instance.lead(one) for one in wanted} == there
    assert wanted == instance.there("High value")


def _patiently(instance: Instance, call: Any) -> Any:
    while True:
        try:
            return call()
        except Unavailable:
            instance.clock.sleep(60)


# ------------------------------------------------------------ before anything is sent


def test_all_is_well(instance: Instance) -> None:
    assert [] == instance.destination().check()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"client_secret": "wrong one"}, "destination.credentials", "client_secret"),
        ({"folder": "Nowhere"}, "destination.folder", "no folder 'Nowhere'"),
    ],
)
def test_what_must_be_changed_is_said(
    instance: Instance, change: dict[str, str], code: str, words: str
) -> None:
    instance.settings |= change
    with pytest.raises(Invalid) as caught:
        instance.destination().check()

    assert code == caught.value.code
    assert words in caught.value.text
    assert "wrong one" not in caught.value.text


@pytest.mark.parametrize(
    "path", ["/rest/v1/lists.json", "/rest/v1/leads.json", "/rest/asset/v1/folder/byName.json"]
)
def test_missing_rights_are_found_before_anything_is_sent(instance: Instance, path: str) -> None:
    instance.bridge.may_fail = lambda request: request.url.path == path
    instance.bridge.faults = [_code("603")]
    with pytest.raises(Invalid) as caught:
        instance.destination().check()

    assert "destination.rights" == caught.value.code


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"munchkin": "1"}, "settings.key", "did you mean 'munchkin_id'?"),
        ({"folder": None}, "settings.missing", "folder"),
        ({"create_missing": "yes please"}, "settings.choice", "true or false"),
        ({"base_url": "mktorest.com"}, "settings.url", "base_url"),
    ],
)
def test_settings_are_checked(instance: Instance, change: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        open_destination("marketo", instance.settings | change, instance.clock)

    assert code == caught.value.code
    assert words in caught.value.text


def test_the_settings_open_a_destination_with_the_vendors_limits(instance: Instance) -> None:
    destination = open_destination("marketo", instance.settings | {"calls_per_day": 100}, instance.clock)

    assert (300, 100, "marketing.email", "remove") == (
        destination.limits.per_call,
        destination.limits.per_day,
        destination.action,
        destination.on_unmap,
    )
    assert isinstance(destination, MarketoLists)
