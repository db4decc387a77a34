"""What people see and use: pages, forms, mails, browsers, and the words for what they did."""

# ruff: noqa: E501  the tables read better unbroken
from __future__ import annotations

__all__ = ["BROWSERS", "FORMS", "LINKS", "MAILS", "MOMENTS", "PAGES", "QUERIES", "REFERRERS", "SCORES"]
__all__ += ["address"]

# The path of each page of a site; the position is its number.
PAGES = (
    "/", "/products", "/pricing", "/products/platform", "/products/analytics", "/customers", "/blog",
    "/blog/predictive-maintenance", "/blog/roi-of-sensors", "/events", "/events/customer-day", "/webinars",
    "/resources/analyst-report", "/resources/pricing-guide", "/about", "/contact", "/careers", "/support",
    "/partners", "/new-product", "/legal/privacy", "/docs/getting-started", "/docs/api", "/status",
)  # fmt: skip
FORMS = ("Contact us", "Pricing guide", "Analyst report", "Webinar registration", "Newsletter")
MAILS = (
    "Newsletter 2026-06", "Newsletter 2026-08", "Newsletter 2026-10", "Webinar invitation",
    "Customer day invitation", "Welcome 1", "Welcome 2", "Renewal reminder", "Analyst report",
)  # fmt: skip
LINKS = ("/pricing", "/webinars", "/events/customer-day", "/resources/analyst-report", "/contact")
REFERRERS = (
    "", "", "", "https://www.google.com/", "https://www.linkedin.com/", "https://duckduckgo.com/",
    "https://news.industry.example/",
)  # fmt: skip
QUERIES = (
    "",
    "",
    "",
    "utm_source=mail&utm_medium=email",
    "utm_source=linkedin&utm_campaign=q4",
    "ref=partner",
)
# User agent, platform, device, whether it is a phone.
BROWSERS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36", "Windows", "PC", False),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15", "MAC", "Mac", False),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "iOS", "iPhone", True),
    ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36", "Android", "Pixel 9", True),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Linux", "PC", False),
)  # fmt: skip
SCORES = ("Behaviour Score", "Demographic Score")
MOMENTS = (
    ("Web", "Visited the pricing page twice"), ("Milestone", "Talked to us at the trade show"),
    ("Email", "Answered a mail of sales"),
)  # fmt: skip
_NETS = ("192.0.2", "198.51.100", "203.0.113")


def address(lead_id: int) -> str:
    """The address a lead surfs from, of the ranges kept for examples."""
    return f"{_NETS[lead_id % 3]}.{lead_id // 3 % 254 + 1}"
