"""The letter of the measurements: some 32 kB on the wire, twelve signed links, eight merge fields.

What marketing may write has seven merge fields, so one of them stands twice; a loop runs over a
written list, since no field holds one. The filler brings the mail to its size.
"""

from datetime import datetime

from mailer.letters import PromotionalContent

SITE = "https://www.focalpointsystem.com/releases"
LINKS = 12
FILLER = "It brings a faster end of day, stock counts on any phone and receipts by e-mail. "


def large_letter(moment: datetime) -> PromotionalContent:
    """A letter with twelve links (eleven in the text and the button), a condition and a loop.

    `moment` makes each campaign's letter its own, as a real one would be.
    """
    parts = [
        "{{ name }} in {{ city }}, {{ country }} ({{ country_code }}), reads {{ language }}"
        " ({{ language_code }}).",
        "{% if country_code in ['DE', 'AT', 'CH'] %}",
        f"For {{{{ country }}}}: {FILLER * 3}",
        "{% else %}",
        f"Elsewhere: {FILLER * 3}",
        "{% endif %}",
        "{% for word in ['fast', 'safe', 'simple'] %}",
        "- It is {{ word }}{% if not loop.last %},{% endif %}",
        "{% endfor %}",
    ]
    parts += [f"## Part {n}\n\n{FILLER * 7}[Read on]({SITE}/{n}).\n" for n in range(1, LINKS)]
    return PromotionalContent(
        subject="Autumn release for {{ first_name }}",
        preheader="Faster every evening",
        heading=f"The release of {moment:%H:%M:%S.%f}",
        body_markdown="\n".join(parts),
        button_label="See what is new",
        button_url=f"{SITE}/all",
    )


def small_letter(moment: datetime) -> PromotionalContent:
    """A letter of a few lines, where the way of a mail is measured and not its size."""
    return PromotionalContent(
        subject="Autumn release for {{ first_name }}",
        heading=f"The release of {moment:%H:%M:%S.%f}",
        body_markdown=f"{FILLER}[Read on]({SITE}/all).",
    )
