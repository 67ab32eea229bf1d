"""What somebody hostile, or somebody tired, may write: the lint refuses it with its place and its cure, at once."""

import pytest

from activities.actions import specs
from domain.errors import Rejected
from domain.run import ActionSpec
from runbooks.catalog import Catalog
from runbooks.lint import lint
from runbooks.render import render
from runbooks.source import MAX_BYTES

SPECS: dict[str, ActionSpec] = specs()
HEAD = "schema_version: 1\nname: mend\ntitle: Mend\nowner: sre\n"
LONG = f'"{{{{ params.x }}}}{"y" * 1_000_000}"'
ONE = "steps: [{id: a, action: noop}]\n"
MANY = "".join(f" - {{id: s{n}, action: noop}}\n" for n in range(2001))


def said(text: str) -> list[str]:
    """What the lint says of a file, as `line:column code sentence`."""
    return [f"{f.line}:{f.column} {f.code} {f.sentence}" for f in lint(text, "mend.yaml", SPECS).findings]


def giving(value: str) -> str:
    """A runbook that gives this YAML value to an action."""
    return f"{HEAD}steps: [{{id: a, action: noop, with: {{echo: {{v: {value}}}}}}}]\n"


def step(fields: str) -> str:
    """A runbook with one step, and another one after it."""
    return f"{HEAD}steps: [{{id: a, {fields}}}, {{id: z, action: noop}}]\n"


BOMB = "".join(f"x{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
HTTP = "action: check.http, with: {url: 'http://x'}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"x0: &a0 [lol]\n{BOMB}", "too_many_aliases more than 20 aliases; write the values out"),
        ("a: &a [*a]", "1:4 alias_cycle this goes round in circles: an alias names what it stands in"),
        (f"{HEAD}steps: &s\n - id: a\n   action: noop\n   with: {{echo: {{v: *s}}}}\n", "5:8 alias_cycle"),
        ("a: &a\n  b: &b {c: *a, d: *b}\n", "alias_cycle"),
        (giving(LONG), f"1:1 too_large the file has 1000120 bytes; at most {MAX_BYTES}"),
        (giving(f'"{{{{ params.x }}}}{"y" * 20_000}"'), "5:48 bad_expression a text with expressions may have 16384"),
        (giving('"{% for i in [1] %}x{% endfor %}"'), "5:48 bad_expression"),
        (giving('"{% macro m() %}{{ m() }}{% endmacro %}"'), "5:48 bad_expression"),
        (giving(f'"{{{{ {"(" * 3000}1{")" * 3000} }}}}"'), "5:48 bad_expression the expression is nested too deeply"),
        (giving(f'"{{{{ 1{"0" * 6000} }}}}"'), "a number in it is too long"),
        (giving(".inf"), "5:48 bad_value '.inf' is no number that JSON knows; put it in quotes"),
        (giving("0x" + "f" * 5000), "5:48 bad_value"),
        (giving("9" * 5000), "5:48 bad_value"),
        (giving('"\\ud800"'), "5:48 bad_text this text holds a character that cannot be stored"),
        (giving('"a\\0b"'), "5:48 bad_text"),
        (giving("\"{{ 'x' * 1000000000 }}\""), "only numbers can be multiplied"),
        (giving('"{{ 3 * [1] }}"'), "only numbers can be multiplied"),
        (giving("\"{{ '%0999999999d' % 1 }}\""), "% formats no text here"),
        ("a: \ud800", "not_yaml"),
        (f"{HEAD}steps:\n", "bad_value steps: input should be a list (there is nothing)"),
        (f"{HEAD}steps: {{a: {{action: noop}}}}", "5:8 bad_value steps: input should be a list"),
        (HEAD.replace("1", "true", 1) + "steps: [{id: a, action: noop}]", "1:17 bad_value schema_version"),
        (f"{HEAD}steps:\n{MANY}", "5:1 too_large the runbook has 2001 steps; at most 2000"),
    ],
)  # fmt: skip
def test_what_would_burst_or_hang_is_refused(text: str, expected: str) -> None:
    """Bombs, circles, megabytes, loops, numbers and characters that nothing can keep."""
    assert any(expected in line for line in said(text)), said(text)
    assert "sys." not in str(said(text))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("action: noop, timeout: 0s", "5:40 bad_value must be between 100ms and 366d, not 0s"),
        ("action: noop, timeout: 99999999999999d", "'99999999999999d' is too long; ten years (3653d)"),
        (f"action: noop, timeout: {'9' * 5000}d", "is too long; ten years (3653d)"),
        ("action: noop, deadline: 400d", "must be between 100ms and 366d, not 400d"),
        (
            "action: noop, retry: {max_attempts: 9, backoff: 1e308}",
            "backoff: input should be less than or equal to",
        ),
        ("action: noop, retry: {max_attempts: 9, interval: 2d}", "must be between 0s and 1d, not 2d"),
        (f"action: noop, verify: {{every: 0s, {HTTP}}}", "must be between 100ms and 7d, not 0s"),
        ("wait: {duration: 999d}", "must be between 100ms and 366d, not 999d"),
        (f"wait: {{duration: 5m, every: 0s, until: {{{HTTP}}}}}", "must be between 100ms and 7d, not 0s"),
        ("approval: {remind_every: 0s}", "must be between 100ms and 7d, not 0s"),
        ("approval: {expires_after: 0s}", "must be between 100ms and 366d, not 0s"),
        ("manual: {instructions: x, remind_every: 0s}", "must be between 100ms and 7d, not 0s"),
    ],
)
def test_times_that_no_clock_can_keep_are_refused(fields: str, expected: str) -> None:
    """Nothing turns in circles for want of a pause, and no date runs over."""
    assert any(expected in line for line in said(step(fields))), said(step(fields))


def test_locks_and_conditions_have_their_pauses_too() -> None:
    """A lease that is over at once, and a question asked without end."""
    lease = f"{HEAD}locks: {{resources: [db], lease: 0s}}\nsteps: [{{id: a, action: noop}}]\n"
    assert any("must be between 5s and 1d, not 0s" in line for line in said(lease))
    condition = f"{HEAD}stop_conditions: [{{id: c, every: 0s, {HTTP}}}]\nsteps: [{{id: a, action: noop}}]\n"
    assert any("must be between 100ms and 7d, not 0s" in line for line in said(condition))


@pytest.mark.parametrize(
    ("text", "hidden", "place"),
    [
        (giving("AKIAIOSFODNN7EXAMPLE"), "AKIAIOSFODNN7EXAMPLE", "5:48"),
        (giving('"-----BEGIN RSA PRIVATE KEY-----"'), "BEGIN", "5:48"),
        (giving("ghp_" + "a1B2" * 9), "a1B2", "5:48"),
        (giving("Bearer abcdef123456"), "abcdef123456", "5:48"),
        (giving("postgres://app:s3same@db/shop"), "s3same", "5:48"),
        (giving("'{\"user\": \"a\", \"password\": \"s3same\"}'"), "s3same", "5:48"),
        (step("action: noop, with: {echo: {password: s3same}}"), "s3same", "5:55"),
        (step("action: noop, with: {echo: {db: {apiKey: s3same}}}"), "s3same", "5:58"),
        (step("action: process.run, with: {program: x, arguments: ['--token=s3same']}"), "s3same", "5:69"),
        (step("action: http.request, with: {url: 'http://x', headers: {Authorization: s3same}}"), "s3same", "5:88"),
        (step("runbook: {name: other, parameters: {token: s3same}}"), "s3same", "5:60"),
        (f"{HEAD}parameters: {{db_password: {{default: s3same}}}}\n{ONE}", "s3same", "5:37"),
        (f"{HEAD}parameters: {{t: {{type: secret, default: s3same}}}}\n{ONE}", "s3same", "5:41"),
    ],
)  # fmt: skip
def test_a_secret_written_as_a_literal_is_refused_and_not_repeated(text: str, hidden: str, place: str) -> None:
    """Known by its look or by the name of its key; the finding ends in a CI's output and never shows the value."""
    found = [f for f in lint(text, "mend.yaml", SPECS).findings if f.code == "secret_as_literal"]
    assert [f"{each.line}:{each.column}" for each in found] == [place], said(text)
    assert "env:NAME" in found[0].sentence
    assert hidden not in "\n".join(said(text))


def test_references_names_and_expressions_are_no_secrets() -> None:
    """What only speaks of a secret is let through."""
    text = f"""{HEAD}description: Renews the token of the shop; the password is asked for.
parameters:
  token: {{type: secret, default: "env:SHOP_TOKEN"}}
  token-name: {{default: shop}}
steps:
  - {{id: token, action: noop, with: {{echo: {{password: "{{{{ params.token }}}}", secret: "file:/run/shop"}}}}}}
  - id: call
    action: http.request
    with: {{url: "https://shop.example:8443/a@b", headers: {{Authorization: {{secret: "env:SHOP_TOKEN"}}}}}}
  - {{id: reissue, manual: {{instructions: "Rotate the token by hand: see the page on secrets"}}}}
"""
    assert said(text) == []


def test_runbooks_that_nest_in_circles_are_refused(tmp_path) -> None:
    """Each of them, by name, in whatever order they are read; so is one that nests itself."""
    for name, inner in (("one", "two"), ("two", "three"), ("three", "one"), ("self", "self")):
        text = HEAD.replace("mend", name) + f"steps: [{{id: a, runbook: {{name: {inner}}}}}]\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    catalog = Catalog([tmp_path], SPECS)
    for name, circle in (
        ("one", "one → two → three → one"),
        ("three", "three → one → two → three"),
        ("self", "self → self"),
    ):
        assert any(circle in f.sentence and f.line == 5 for f in catalog.lint(name).findings), catalog.lint(name)


@pytest.mark.parametrize(
    "text",
    ["{{ 1.5|round(1000000000, 'ceil') }}", "{{ 1.5|round(1000000000) }}", "{{ 1e308 * 10 }}", "{{ 1|round(-400) }}"],
)  # fmt: skip
def test_no_number_can_keep_a_worker_busy(text: str) -> None:
    """Rounding to a billion digits takes minutes where it is tried; what is no number in JSON is refused."""
    with pytest.raises(Rejected):
        render(text, {})


def test_rounding_still_rounds() -> None:
    """As far as a float goes."""
    assert render("{{ 2.34567 | round(2) }}", {}) == 2.35
    assert render("{{ 2.5001 | round }}", {}) == 3
