"""Every documented case of the linking rules, through the simulation that users have.

Source: the examples that the reference product documents; outcomes it states in words are binding, others
were computed by the reading of its rule that agrees with all of those.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from townsend.identity import Namespace
from townsend.identity.simulate import Simulation, simulate

DEVICES = "CRMID* > EmailSHA > PhoneSHA > GAID > IDFA > ECID"
LOGINS = "CRMID* > loginID > ECID"
B3 = (
    "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567; CRMID:Tom, ECID:111; CRMID:Tom, ECID:222, IDFA:A-A-A; "
    "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321; CRMID:Summer, ECID:333; "
    "CRMID:Summer, ECID:444, GAID:B-B-B"
)
B4 = (
    "CRMID:Tom, loginID:ID_A; CRMID:Tom, loginID:ID_B; loginID:ID_A, ECID:111; CRMID:Summer, loginID:ID_C; "
    "CRMID:Summer, loginID:ID_D; loginID:ID_C, ECID:222"
)
TWO = "CRMID:Tom, EmailSHA:aabbcc; CRMID:Tom, ECID:111; CRMID:Summer, EmailSHA:ddeeff; CRMID:Summer, ECID:222"
# id: namespaces; events; graphs of two or more; links left out
CASES = {
    "S1a": (
        "CRMID* > ECID",
        "CRMID:Tom, ECID:111; CRMID:Summer, ECID:111",
        "CRMID:Summer, ECID:111",
        "CRMID:Tom, ECID:111",
    ),
    "S2a": (
        "CRMID* > EmailSHA > ECID",
        TWO,
        "CRMID:Tom, EmailSHA:aabbcc, ECID:111; CRMID:Summer, EmailSHA:ddeeff, ECID:222",
        "",
    ),
    "S2b": (
        "CRMID* > EmailSHA > ECID",
        f"{TWO}; CRMID:Summer, ECID:111",
        "CRMID:Tom, EmailSHA:aabbcc; CRMID:Summer, EmailSHA:ddeeff, ECID:111, ECID:222",
        "CRMID:Tom, ECID:111",
    ),
    "S2c": (
        "CRMID* > EmailSHA > ECID",
        f"{TWO}; CRMID:Summer, EmailSHA:aabbcc",
        "CRMID:Tom, ECID:111; CRMID:Summer, EmailSHA:aabbcc, EmailSHA:ddeeff, ECID:222",
        "CRMID:Tom, EmailSHA:aabbcc",
    ),
    "S3a": (
        DEVICES,
        B3,
        "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567, IDFA:A-A-A, ECID:111, ECID:222; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321, GAID:B-B-B, ECID:333, ECID:444",
        "",
    ),
    "S3b": (
        DEVICES,
        f"{B3}; CRMID:Summer, ECID:111",
        "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567, IDFA:A-A-A, ECID:222; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321, GAID:B-B-B, ECID:111, ECID:333, ECID:444",
        "CRMID:Tom, ECID:111",
    ),
    "S3c": (
        DEVICES,
        f"{B3}; CRMID:Tom, ECID:444, GAID:B-B-B",
        "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567, GAID:B-B-B, IDFA:A-A-A, ECID:111, "
        "ECID:222, ECID:444; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321, ECID:333",
        "CRMID:Summer, GAID:B-B-B; CRMID:Summer, ECID:444",
    ),
    "S3d": (
        DEVICES,
        f"{B3}; CRMID:Summer, ECID:222, IDFA:A-A-A",
        "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567, ECID:111; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321, GAID:B-B-B, IDFA:A-A-A, ECID:222, "
        "ECID:333, ECID:444",
        "CRMID:Tom, IDFA:A-A-A; CRMID:Tom, ECID:222",
    ),
    "S3e": (
        DEVICES,
        f"{B3}; CRMID:Summer, ECID:555, IDFA:A-A-A",
        "CRMID:Tom, EmailSHA:aabbcc, PhoneSHA:123-4567, ECID:111, ECID:222; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:765-4321, GAID:B-B-B, IDFA:A-A-A, ECID:333, "
        "ECID:444, ECID:555",
        "CRMID:Tom, IDFA:A-A-A; IDFA:A-A-A, ECID:222",
    ),
    "S3f": (
        DEVICES,
        f"{B3}; CRMID:Summer, PhoneSHA:123-4567",
        "CRMID:Tom, EmailSHA:aabbcc, IDFA:A-A-A, ECID:111, ECID:222; CRMID:Summer, EmailSHA:ddeeff, "
        "PhoneSHA:123-4567, PhoneSHA:765-4321, GAID:B-B-B, ECID:333, ECID:444",
        "CRMID:Tom, PhoneSHA:123-4567; EmailSHA:aabbcc, PhoneSHA:123-4567",
    ),
    "S3g": (
        "CRMID* > EmailSHA > PhoneSHA* > GAID > IDFA > ECID",
        f"{B3}; CRMID:Summer, PhoneSHA:123-4567",
        "CRMID:Tom, EmailSHA:aabbcc, IDFA:A-A-A, ECID:111, ECID:222; "
        "CRMID:Summer, EmailSHA:ddeeff, PhoneSHA:123-4567, GAID:B-B-B, ECID:333, ECID:444",
        "CRMID:Summer, PhoneSHA:765-4321; CRMID:Tom, PhoneSHA:123-4567; EmailSHA:ddeeff, PhoneSHA:765-4321; "
        "EmailSHA:aabbcc, PhoneSHA:123-4567",
    ),
    "S3h": (
        DEVICES,
        f"{B3}; CRMID:Summer, EmailSHA:aabbcc",
        "CRMID:Tom, PhoneSHA:123-4567, IDFA:A-A-A, ECID:111, ECID:222; CRMID:Summer, EmailSHA:aabbcc, "
        "EmailSHA:ddeeff, PhoneSHA:765-4321, GAID:B-B-B, ECID:333, ECID:444",
        "CRMID:Tom, EmailSHA:aabbcc; EmailSHA:aabbcc, PhoneSHA:123-4567",
    ),
    "S4a": (
        LOGINS,
        B4,
        "CRMID:Tom, loginID:ID_A, loginID:ID_B, ECID:111; CRMID:Summer, loginID:ID_C, loginID:ID_D, ECID:222",
        "",
    ),
    "S4b": (
        LOGINS,
        f"{B4}; loginID:ID_C, ECID:111",
        "CRMID:Tom, loginID:ID_A, loginID:ID_B; CRMID:Summer, loginID:ID_C, loginID:ID_D, ECID:111, ECID:222",
        "loginID:ID_A, ECID:111",
    ),
    "S4c": (
        LOGINS,
        f"{B4}; CRMID:Tom, loginID:ID_D",
        "CRMID:Tom, loginID:ID_A, loginID:ID_B, loginID:ID_D, ECID:111; CRMID:Summer, loginID:ID_C, ECID:222",
        "CRMID:Summer, loginID:ID_D",
    ),
    "S4d": (
        LOGINS,
        "CRMID:Tom, loginID:ID_A; CRMID:Tom, loginID:ID_B; loginID:ID_A, ECID:111; loginID:ID_C, ECID:111",
        "CRMID:Tom, loginID:ID_A, loginID:ID_B, loginID:ID_C, ECID:111",
        "",
    ),
}


def namespaces(text: str) -> list[Namespace]:
    return [Namespace(one.rstrip("*"), one.endswith("*")) for one in text.split(" > ")]


def groups(text: str) -> list[list[tuple[str, str]]]:
    found = []
    for group in text.split("; ") if text else []:
        pairs = (one.partition(":") for one in group.split(", "))
        found.append([(space, value) for space, _, value in pairs])
    return found


def linked(result: Simulation) -> list[list[tuple[str, str]]]:
    return [graph for graph in result.graphs if len(graph) > 1]


@pytest.mark.parametrize("case", CASES)
def test_a_documented_case_comes_out_as_documented(case: str) -> None:
    rules, events, graphs, removed = CASES[case]

    result = simulate(namespaces(rules), groups(events))

    assert sorted(map(sorted, groups(graphs))) == linked(result)
    assert sorted(sorted(pair) for pair in groups(removed)) == sorted(sorted(pair) for pair in result.removed)


@pytest.mark.parametrize("case", CASES)
def test_every_identity_is_in_exactly_one_graph(case: str) -> None:
    rules, events, _, _ = CASES[case]

    result = simulate(namespaces(rules), groups(events))
    found = [one for graph in result.graphs for one in graph]

    assert sorted({one for event in groups(events) for one in event}) == sorted(found)


def test_somebody_left_without_links_is_a_graph_of_one() -> None:
    rules, events, _, _ = CASES["S1a"]

    assert [("CRMID", "Tom")] in simulate(namespaces(rules), groups(events)).graphs


def test_a_link_said_again_takes_the_new_time() -> None:
    events = groups("CRMID:Tom, ECID:1; CRMID:Summer, ECID:1; CRMID:Tom, ECID:1")

    assert [[("CRMID", "Tom"), ("ECID", "1")]] == linked(simulate(namespaces("CRMID* > ECID"), events))


def test_the_order_inside_an_event_does_not_matter() -> None:
    first, second = groups("CRMID:Tom, ECID:1, GAID:2; CRMID:Summer, ECID:1")
    found = {
        str(simulate(namespaces("CRMID* > GAID > ECID"), [list(one), second])) for one in permutations(first)
    }

    assert 1 == len(found)


def test_mail_is_one_however_it_is_spelled_and_nobody_is_called_anonymous() -> None:
    events = groups("Email: P@Townsend.com , ECID:1; Email:p@townsend.com, ECID:2; ECID:2, CRMID:anonymous")

    assert [[("ECID", "1"), ("ECID", "2"), ("Email", "p@townsend.com")]] == simulate([], events).graphs
