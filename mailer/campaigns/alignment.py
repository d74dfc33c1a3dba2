"""Whether the sender's domain goes with the links': what receivers compare. Pure."""

import re
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit

from mailer.campaigns.findings import Check, Finding, Weight

SHARED = frozenset({"ac", "co", "com", "edu", "gov", "gv", "ltd", "ne", "net", "or", "org", "plc"})
"""Second levels under which countries register names, as in example.co.uk."""
MAILBOX_PROVIDERS = frozenset(
    {
        "aol.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "outlook.com",
        "web.de",
        "yahoo.com",
    }
)
"""Their DMARC policies, or their users' filters, refuse their addresses from other servers."""
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")


def organisation_of(domain: str) -> str:
    """Return the domain that an organisation registered (RFC 7489, 3.2), as far as can be told.

    Its last two labels, or three under a country's shared second level. The full Public Suffix
    List is not read: a name registered under a rarer suffix counts as one organisation with its
    neighbours, and the check stays silent.
    """
    labels = domain.lower().rstrip(".").split(".")
    is_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SHARED
    return ".".join(labels[-3:] if is_shared else labels[-2:])


def sender_findings(sender: str, public_url: str) -> Iterator[Finding]:
    """Compare the From of promotional mail with the host that its links lead over.

    Which domain signs the mail (DKIM) is the provider's business and in no setting of ours:
    `fpmail check` asks for nothing of it, and neither does this.
    """
    domain = parseaddr(sender)[1].rpartition("@")[2].lower()
    host = (urlsplit(public_url).hostname or "").lower()
    if not DOMAIN.fullmatch(domain):
        yield _stop("The sender has no address with a domain.", "An administrator sets it.")
    elif organisation_of(domain) in MAILBOX_PROVIDERS:
        text = f"{domain} belongs to a mailbox provider; receivers refuse it from other servers."
        yield _stop(text, "An administrator takes an address at the company's own domain.")
    elif _is_local(host):
        text = f"Links lead to {host}, which no reader can open."
        yield _warning("public_url", text, "An administrator sets MAILER_PUBLIC_URL.")
    elif organisation_of(domain) != organisation_of(host):
        text = f"The sender is at {domain}, links lead over {host}: filters take that for fraud."
        yield _warning("sender", text, f"Serve the links under {organisation_of(domain)}.")


def _is_local(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True


def _stop(text: str, fix: str) -> Finding:
    return Finding(
        Weight.STOP, Check.SENDER, "sender", text, f"{fix} The setting is MAILER_FROM_PROMOTIONAL."
    )


def _warning(field: str, text: str, fix: str) -> Finding:
    return Finding(Weight.WARNING, Check.SENDER, field, text, fix)
