"""What names, domains and addresses are compared by."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from townsend.identity.matching.domains import mail_domain, owner_letters, registrable, site_domain
from townsend.identity.matching.names import company_name, folded, initials, name_forms
from townsend.identity.matching.places import country, digits, phone, postal

SAME = [
    (
        "muller sohne",
        ["Müller & Söhne GmbH & Co. KG", "MULLER UND SOHNE", "Müller+Söhne e.K.", "muller sohne"],
    ),
    ("ibm", ["I.B.M. Corp.", "IBM", "I B M Corporation", "ＩＢＭ", "The IBM Company"]),
    ("hm", ["H&M", "H & M AB", "h&m"]),
    ("att", ["AT&T Inc.", "AT & T"]),
    ("acme intl", ["Acme International, Inc.", "ACME INTL", "Acme Int'l Ltd.", "acme international limited"]),
    ("acme", ["acme.com", "Acme S.A. de C.V.", "Acme Sp. z o.o.", "Acme S.p.A.", "Acme (formerly Beta) Ltd"]),
    ("acme", ["Acme Pty Ltd", "Acme B.V.", "Acme Oy", "Acme A/S", "Acme s.r.o.", "Acme Sdn Bhd", "Aсme"]),
    ("acme uk", ["Acme Ltd UK", "Acme (UK) Limited"]),
    ("トヨタ自動車", ["トヨタ自動車株式会社", "株式会社トヨタ自動車", "トヨタ自動車(株)", "㈱トヨタ自動車"]),
    ("腾讯", ["腾讯有限公司", "腾讯科技有限公司", "腾讯股份有限公司"]),
    ("삼성전자", ["삼성전자 주식회사", "(주)삼성전자", "삼성전자"]),
    ("ромашка", ["ООО «Ромашка»", "Ромашка ООО", "ромашка"]),
    ("societe generale", ["Société Générale S.A.", "SOCIETE GENERALE SA"]),
    ("telkom", ["PT Telkom Tbk"]),
    ("limited", ["Limited", "LIMITED COMPANY"]),
]
NONE = [
    *("", "   ", "-", "...", "n/a", "N.A.", "NULL", "none", "Unknown", "Test", "test company", "Test GmbH"),
    *(
        "self-employed",
        "Freelance",
        "xxx",
        "aaaa",
        "12345",
        "Privat",
        "keine Angabe",
        "無",
        "なし",
        "个人",
        "нет",
    ),
]


@pytest.mark.parametrize(
    ("expected", "spellings"), SAME, ids=[f"{one}-{at}" for at, (one, _) in enumerate(SAME)]
)
def test_spellings_of_one_name_are_one(expected: str, spellings: list[str]) -> None:
    assert {expected} == {company_name(one) for one in spellings}


@pytest.mark.parametrize("text", NONE)
def test_a_placeholder_is_no_name(text: str) -> None:
    assert company_name(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("Summit Logistics", "Summit Capital"), ("AB Volvo", "AC Volvo"), ("3M", "3i"), ("ABC", "ABD")],
)
def test_names_of_two_companies_stay_two(one: str, other: str) -> None:
    assert company_name(one) != company_name(other)


@given(
    st.text(max_size=60)
    | st.text("aA.& -öカЖ社株()有", max_size=30)
    | st.text("gmbh coinltdsa .", max_size=25)
)
@example("A%有%B")  # letters that stand beside each other only once a legal form is gone
def test_comparing_twice_is_comparing_once(text: str) -> None:
    once = company_name(text)

    assert once is None or company_name(once) == once


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_letters_are_those_of_the_whole_words() -> None:
    assert ("acme intl", "acmeinternational") == name_forms("Acme International, Inc.")


def test_initials_need_three_words_or_a_short_name() -> None:
    assert ("ibm", "ibm", None, None) == (
        initials("intl business machines"),
        initials("ibm"),
        initials("acme robots"),
        initials("siemens"),
    )


@pytest.mark.parametrize(
    ("expected", "address"),
    [
        ("acme.com", "HTTPS://www.Acme.com:8443/path?q=1#x"),
        ("acme.co.uk", "shop.acme.co.uk"),
        ("acme.com.br", "http://acme.com.br/"),
        ("acme.ac.jp", "a.b.acme.ac.jp"),
        ("acme.com", "info@sales.acme.com"),
        ("acme.com", "www.acme.com, www.acme.de"),
        ("acme.com", "acme.com."),
        ("xn--bcher-kva.de", "bücher.de"),
        ("acme.github.io", "www.acme.github.io"),
        ("acme.co", "acme.co"),
        (None, "co.uk"),
        (None, "github.io"),
        (None, "acme"),
        (None, "192.168.0.1"),
        (None, "localhost"),
        (None, "n/a"),
        (None, ""),
        (None, None),
        (None, "http://"),
        (None, "a" * 300 + ".com"),
    ],
)
def test_a_registered_domain_is_found_in_any_address(expected: str | None, address: str | None) -> None:
    assert expected == registrable(address)


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "Outlook.com",
        "hotmail.co.uk",
        "yahoo.co.jp",
        "qq.com",
        "163.com",
        "web.de",
        "gmx.net",
        "gmx.at",
    ],
)
def test_public_mail_tells_no_company(domain: str) -> None:
    assert (None, None, None) == (mail_domain(domain), mail_domain(f"jo@{domain}"), site_domain(domain))


def test_a_project_names_further_public_mail() -> None:
    assert ("my-isp.net", None) == (
        mail_domain("jo@my-isp.net"),
        mail_domain("jo@my-isp.net", frozenset({"my-isp.net"})),
    )


@pytest.mark.parametrize("site", ["https://facebook.com/acme", "linkedin.com/company/acme", "example.com"])
def test_a_page_on_a_public_site_tells_no_company(site: str) -> None:
    assert site_domain(site) is None


def test_what_companies_add_to_their_domain_is_no_letter_of_theirs() -> None:
    assert ("acmerobots", "acme", "group") == (
        owner_letters("acme-robots-group"),
        owner_letters("acme-corp"),
        owner_letters("group"),
    )


def test_places_are_compared_by_what_all_spellings_share() -> None:
    assert ("de", "us", "gb", "jp", None) == tuple(
        map(country, ("Deutschland", "U.S.A.", "Great Britain", "日本", "Atlantis"))
    )
    assert ("90210", "sw1a1aa") == (postal("90210-1234"), postal("SW1A 1AA"))
    assert ("12345678", "12345678", None, None) == tuple(
        map(phone, ("+49 (0)89 1234-5678", "0891 2345678", "1234", "0000 00000"))
    )
    assert ("123456789", None) == (digits("12-345-6789"), digits("000000000"))
