"""The letter of the measurements as a plain Jinja template, of the same make and size."""

from bench.letter import FILLER, LINKS

FIELDS = ("name", "first_name", "city", "country", "country_code", "language", "language_code")


def plain_letter() -> str:
    """Return the page: eight merge fields, a condition, a loop, twelve links, some 30 kB."""
    parts = [f"<h2>Part {n}</h2><p>{FILLER * 30}<a href='{{{{ links[{n}] }}}}'>Read on</a></p>"
             for n in range(LINKS)]  # fmt: skip
    fields = " ".join(f"{{{{ {name} }}}}" for name in (*FIELDS, "first_name"))
    return (
        "<!doctype html><html><body>"
        f"<p>{fields}</p>"
        "{% if country_code in ['DE', 'AT', 'CH'] %}<p>Near</p>{% else %}<p>Far</p>{% endif %}"
        "<ul>{% for word in ['fast', 'safe', 'simple'] %}<li>{{ word }}</li>{% endfor %}</ul>"
        f"{''.join(parts)}</body></html>"
    )
