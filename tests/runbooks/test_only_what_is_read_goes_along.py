"""`read_by`: what an expression is given of a scope is enough for it, and no more than it may need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from runbooks.expressions import read_by
from runbooks.render import render

STEPS = {name: {"output": {"what": name, "n": 3}, "status": "succeeded"} for name in ("look", "check_lag", "check-lag")}
SCOPE = {
    "params": {"url": "http://shop", "get": "taken", "many": ["a", "b"]},
    "steps": STEPS,
    "incident": {"id": "inc-1"},
    "item": {"steps": "not ours"},
    "output": None,
}
EXPRESSIONS = (
    "{{ params.url }}",
    "{{ params['url'] }} and {{ params [ \"many\" ] | length }}",
    "{{ params.get('url', 'none') }}",
    "{{ params.nothing }}",
    "{{ params | length }}",
    "{{ steps.look.output.what }}",
    "{{ steps['check-lag'].output.n + steps.check_lag.output.n }}",
    "{{ steps[params.url].status }}",
    "{{ steps[item.steps].status }}",
    "{{ steps | dictsort | map(attribute='0') | list }}",
    "{{ item . steps }} {{ incident.id }}",
    "{% if steps.look.status == 'succeeded' %}{{ params.many[0] }}{% endif %}",
    "{{ steps.keys() | list }}",
    "{{ output is none }}",
    "{{ missing.value }}",
    "no expression, params.url",
)


def _outcome(template: object, scope: dict[str, object]) -> object:
    try:
        return render(template, scope)
    except Rejected as refusal:
        return refusal.sentence


@given(st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=4))
def test_an_expression_finds_all_that_it_reads(texts: list[str]) -> None:
    """Whatever is written, the part of the scope gives what the whole scope gives, refusals word for word."""
    template = {str(number): [text] for number, text in enumerate(texts)}
    assert _outcome(template, read_by(template, SCOPE)) == _outcome(template, SCOPE)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("{{ steps.look.output.what }}", {"steps": {"look": STEPS["look"]}}),
        ("{{ params['url'] }}", {"params": {"url": "http://shop"}}),
        ("{{ steps | length }}", {"steps": STEPS}),
        ("{{ params.get('url') }}", {"params": {"get": "taken"}}),
        ("{{ incident.id }}", {"incident": {"id": "inc-1"}}),
        ("params.url", {}),
    ],
)
def test_what_is_not_read_stays_behind(text: str, given: dict[str, object]) -> None:
    """A run of fifty steps does not carry fifty outputs to every expression."""
    assert read_by({"a": text}, SCOPE) == given
