"""What marketing may write between curly braces, and all that it may not."""

import pytest
from jinja2 import TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from mailer.letters import Brand, PromotionalContent, check_content
from mailer.letters.allowed import refusals
from mailer.letters.person import MERGE_FIELDS
from tests.letters.conftest import corpus


@pytest.mark.parametrize(
    "source",
    [
        "{{ first_name }}",
        "{{ first_name | default('friend') | upper }}",
        "{{ name ~ ', ' ~ city }}",
        "{% if country_code in ['DE', 'AT'] and not city %}a{% elif city == 'Kiel' %}b{% endif %}",
        "{{ 'Frau' if language_code == 'de' else 'Ms' }}",
        "{% for word in ['fast', 'safe'] %}{{ word }}{{ ', ' if not loop.last }}{% endfor %}",
        "{# a note #}plain",
    ],
)
def test_fields_conditions_and_short_loops_are_allowed(source: str) -> None:
    assert refusals(source, MERGE_FIELDS) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ secret }}",
        "{{ self }}",
        "{{ first_name.__class__ }}",
        "{{ first_name['__class__'] }}",
        "{{ first_name[0] }}",
        "{{ first_name() }}",
        "{{ range(10) }}",
        "{{ first_name | attr('upper') }}",
        "{{ first_name | map('upper') }}",
        "{{ first_name | safe }}",
        "{{ first_name | default(value='x') }}",
        "{{ first_name | default(*name) }}",
        "{{ 'a' * 999999999 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 1.5 }}",
        "{{ 'x%s' % name }}",
        "{{ name < city }}",
        "{{ name is defined }}",
        "{{ {'a': 1} }}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% block x %}{% endblock %}",
        "{% autoescape false %}{{ name }}{% endautoescape %}",
        "{% for x in name %}{% endfor %}",
        "{% for x in [1, 2] if x %}{% endfor %}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for name in ['a'] %}{% endfor %}",
        "{% for __x in ['a'] %}{% endfor %}",
        "{% for a, b in ['ab'] %}{% endfor %}",
        "{% for x in [['a']] %}{% endfor %}",
        "{% for x in ['a'] %}{{ loop.cycle('a') }}{% endfor %}",
        "{% for x in ['a'] %}{{ x.y }}{% endfor %}",
        "{% for x in ['a'] %}{% endfor %}{{ x }}",
        "{% for x in ['a'] %}{% endfor %}{{ loop.last }}",
        "{% for x in [" + "1," * 21 + "] %}{% endfor %}",
        "{% for x in [1] %}{% for y in [1] %}{% for z in [1] %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "not " * 200 + "name }}",
        "{% if name %}" * 60 + "{% endif %}" * 60,
        "{{ name }",
        "{% if name %}",
        "{{ " + "'" + "x" * 1001 + "' }}",
    ],
)
def test_everything_else_is_refused_before_it_is_compiled(source: str) -> None:
    assert refusals(source, MERGE_FIELDS)


def test_every_template_attack_of_the_public_lists_is_refused(
    content: PromotionalContent, brand: Brand
) -> None:
    payloads = corpus("payloads/ssti/ssti.fuzz").read_text("utf-8").splitlines()
    assert len(payloads) > 50
    for payload in payloads:
        for field in ("subject", "body_markdown"):
            attacked = content.model_copy(update={field: f"Hello {payload}"})
            assert check_content(attacked, brand=brand), payload


def test_what_is_allowed_can_always_be_compiled() -> None:
    """The list of filters and the deepest nesting must not promise what the compiler cannot do."""
    deep = "{% if name %}" * 15 + "{{ name | default('x') | upper | lower | capitalize }}"
    source = deep + "{% endif %}" * 15
    assert refusals(source, MERGE_FIELDS) == []
    try:
        SandboxedEnvironment().from_string(source)
    except (TemplateSyntaxError, SyntaxError) as error:  # pragma: no cover - the failure itself
        pytest.fail(f"allowed, but does not compile: {error}")


def test_of_a_text_that_cannot_be_read_every_mark_is_told_with_its_line() -> None:
    source = (
        "Dear {{ frist_name }},\n{% if city == %}near{% endif %}\n{{ name name }}\n"
        "{% for word in ['a', 'b'] %}{{ word }}{{ loop.first }}\n{% include 'x' %}{{ name | safe }}"
    )
    told = refusals(source, MERGE_FIELDS)
    assert any(each.startswith("Line 2: ") for each in told)
    assert "There is no field “frist_name”." in told
    assert any(each.startswith("Line 3: ") for each in told)
    assert "“include” cannot be used here." in told
    assert "The filter “safe” cannot be used here." in told
    assert len(told) == 5


def test_what_opens_and_never_closes_is_told_beside_what_stands_in_it() -> None:
    whole, field = refusals("{% if city %}{{ town }}", MERGE_FIELDS)
    assert "endif" in whole
    assert field == "There is no field “town”."


def test_what_is_wrong_inside_of_a_wrong_loop_is_told_with_it() -> None:
    told = refusals("{% for city in cities %}{{ city }}{{ town }}{% endfor %}", MERGE_FIELDS)
    assert [each.split()[0] for each in told] == ["A", "The", "There"]


def test_links_are_judged_beside_fields_that_there_are_not(
    content: PromotionalContent, brand: Brand
) -> None:
    body = "Dear {{ frist_name }}, [look](https://elsewhere.example.org/x) and ![](http://a b)."
    told = check_content(content.model_copy(update={"body_markdown": body}), brand=brand)
    assert [each.field for each in told] == ["body_markdown", "body_markdown, link “look”"]
