"""Rendering: values keep their types, and whatever is hostile or too large is refused with a sentence."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejected
from runbooks.render import MAX_RENDERED_BYTES, MAX_TEMPLATE_CHARACTERS, condition, has_expression, names_used, render

SCOPE: dict[str, Any] = {
    "params": {"url": "http://shop", "n": 3, "version": "1.10", "hosts": ["a", "b"], "items": 7, "nothing": None},
    "steps": {"look": {"output": {"status": 200}}},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain {text}", "plain {text}"),
        ("{{ params.url }}/health", "http://shop/health"),
        ("{{ params.n }}", 3),
        ("{{- params.n -}}", 3),
        ("{{ -params.n }}", -3),
        ("{{ params.n + 1 > 3 and params.version == '1.10' }}", True),
        # Text stays text, even when it looks like a number.
        ("{{ params.version }}", "1.10"),
        ("{{ params.hosts }}", ["a", "b"]),
        ("{{ params.items }}", 7),
        ("{{ params.nothing }}", None),
        ("{{ params.hosts | map('upper') | join('+') }}", "A+B"),
        ("{{ steps.look.output }}", {"status": 200}),
        ("{{ params.nope | default('x') }}", "x"),
        ("{% if params.n > 2 %}many{% else %}few{% endif %}", "many"),
        ("{{ params.version.split('.')[0] | int }}", 1),
        ("{{ {'a': params.n} | tojson }}", '{"a":3}'),
        ("{{ 'a-b' | replace('-', '+') }}", "a+b"),
    ],
)
def test_values_keep_their_types(template: str, value: object) -> None:
    """A text that is one expression becomes its value; any other is text."""
    assert render(template, SCOPE) == value


def test_whole_documents_are_walked() -> None:
    """Lists and mappings to any depth; keys are no place for expressions."""
    assert render({"a": [{"b": "{{ params.n }}"}], "c": 1}, SCOPE) == {"a": [{"b": 3}], "c": 1}
    with pytest.raises(Rejected, match="only values may"):
        render({"{{ params.n }}": 1}, SCOPE)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ params | attr('__class__') }}",
        "{{ [params] | map(attribute='__class__') | list }}",
        "{{ [params] | map('attr', '__class__') | list }}",
        "{{ params.url.format(params) }}",
        "{{ params.url.strip.__self__ }}",
        "{{ params.hosts.append('c') }}",
        "{{ params.get }}",
        "{{ self }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set a = 'x' %}{{ a }}",
        "{{ now() }}",
        "{{ range(9) }}",
        "{{ params.nope }}",
        "{{ params.n",
        "{{ params.n / 0 }}",
        "{{ params.url > 3 }}",
    ],
)
def test_what_is_hostile_or_wrong_is_refused_with_a_sentence(template: str) -> None:
    """Nothing of Python is reachable, and nothing raises anything but Rejected."""
    with pytest.raises(Rejected) as caught:
        render(template, SCOPE)
    assert caught.value.sentence
    assert "0x" not in caught.value.sentence


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 10 ** 9 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ " + " * ".join(["9999999999"] * 50) + " }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x'.ljust(1000000000) }}",
        "{{ 'x' | center(1000000000) }}",
        "{% for i in [1] * 9 %}{% for j in [1] %}x{% endfor %}{% endfor %}",
        "{{ large ~ large }}",
        "{{ large + large }}",
        "{{ [large, large] | join }}",
        "{{ large | replace('x', large) }}",
        "{{ [large, large] }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + " ~ ".join(["large"] * 400) + " }}",
        "x" * MAX_TEMPLATE_CHARACTERS + "{{ 1 }}",
    ],
)
def test_nothing_grows_beyond_its_limits(template: str) -> None:
    """A few characters must not become gigabytes or minutes."""
    with pytest.raises(Rejected):
        render(template, {"large": "x" * (MAX_RENDERED_BYTES * 3 // 4)})


@given(st.text(alphabet="{}%#|.()[]'\"_ ab1*+-~", max_size=60))
def test_any_text_gives_a_value_or_a_sentence(text: str) -> None:
    """Never another exception."""
    try:
        value = render(text, {"a": 1, "b": "x"})
    except Rejected:
        return
    if not has_expression(text):
        assert value == text


def test_a_condition_is_true_or_false() -> None:
    """A text such as `false` is a mistake, not a yes."""
    assert condition("{{ params.n > 2 }}", SCOPE) is True
    with pytest.raises(Rejected, match="neither true nor false"):
        condition("{{ params.url }}", SCOPE)


def test_names_are_found_wherever_they_are_read() -> None:
    """The lint relies on it: dots and brackets are the same."""
    assert names_used("{{ params.url ~ steps['look'].output.status }} {% if incident.id %}x{% endif %}") == [
        ("params", "url"),
        ("steps", "look", "output", "status"),
        ("incident", "id"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ target.aws }}", "there is no 'aws' in it; it has health_url, process"),
        ("{{ target.proces }}", "there is no 'proces' in it; did you mean 'process'?"),
        ("{{ params.none.at_all }}", "there is no 'at_all' in it; it has nothing"),
        ("{{ nobody.knows }}", "'nobody' is undefined"),
        ("{{ target.process.real }}", "'str object' has no attribute 'real'"),
    ],
)
def test_what_is_missing_is_told_with_what_there_is(text: str, words: str) -> None:
    """People look for a name among names, not for an attribute of a dict; values are not told."""
    scope = {"target": {"process": "hunter2", "health_url": "http://shop"}, "params": {"none": {}}}
    with pytest.raises(Rejected, match=re.escape(words)) as refused:
        render({"here": text}, scope)
    assert "hunter2" not in refused.value.sentence
