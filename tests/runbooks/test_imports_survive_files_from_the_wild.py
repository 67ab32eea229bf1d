"""Importers on files as other tools really write them, and on files that nobody should have written.

The experiments that people have published lie beside the checkout where they may not be copied from; without them that
one test is skipped.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from activities.actions import specs
from runbooks.findings import Unreadable
from runbooks.importers import Format, Imported, import_runbooks
from runbooks.importers.rundeck_xml import read_job_xml
from runbooks.source import MAX_BYTES, Source, read_yaml

SPECS = specs()
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "chaostoolkit"

# The shapes of Rundeck's XML export: attributes, CDATA, plugins as elements, options in a context.
XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<joblist>
  <job>
    <uuid>4f-01</uuid>
    <name>Take over</name>
    <group>failover</group>
    <description><![CDATA[Checks the primary.

Takes *over* when it is gone.]]></description>
    <timeout>1h 30m</timeout>
    <retry delay='5s'>3</retry>
    <schedule crontab='0 0 5 ? * * *'/>
    <context>
      <project>shop</project>
      <options preserveOrder='true'>
        <option required='true' name='api-key' secure='true' valueExposed='true' value='hunter2'>
          <description>of the old primary</description>
        </option>
        <option name='region' value='eu' values='eu,us' enforcedvalues='true' regex='^[a-z]+$'/>
      </options>
    </context>
    <sequence keepgoing='false' strategy='node-first'>
      <command>
        <jobref name='check' group='failover'><arg line='-region ${option.region}'/></jobref>
        <errorhandler keepgoingOnSuccess='true'>
          <node-step-plugin type='localexec'>
            <configuration><entry key='command' value='takeover ${option.region}'/></configuration>
          </node-step-plugin>
        </errorhandler>
      </command>
      <command>
        <description>Tell them</description>
        <scriptargs>${option.region}</scriptargs>
        <scriptinterpreter argsquoted='true'>sudo bash</scriptinterpreter>
        <script><![CDATA[#!/bin/bash
echo "&region; is <@option.region@>" # {{ not ours }}
]]></script>
      </command>
      <pluginConfig><WorkflowStrategy>x</WorkflowStrategy></pluginConfig>
    </sequence>
    <nodefilters excludeprecedence='true'>
      <include><tags>db</tags></include>
      <exclude><hostname>old.*</hostname></exclude>
    </nodefilters>
    <dispatch><threadcount>2</threadcount></dispatch>
    <notification><onfailure><email recipients='ops@example.com'/></onfailure></notification>
    <x-unheard-of deep='1'><thing/></x-unheard-of>
  </job>
  <job><name>check</name><group>failover</group><sequence><command><exec>true</exec></command></sequence></job>
</joblist>
"""


def steps_of(found: Imported, number: int = 0) -> dict[str, dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(found.runbooks[number].text)
    return {step["id"]: step for step in document["steps"]}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Each value of a document with the way to it."""
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inside:
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def dropped(source: Source, found: Imported) -> list[tuple[str, Any]]:
    """Values that stand in no runbook and in no loss: what has gone in silence."""
    text = "".join("".join(each.text.split("schema_version", 1)[1].split()) for each in found.runbooks).lower()
    told = [loss.path for loss in found.losses if loss.path]
    gone = []
    for path, value in leaves(source.data):
        where = ".".join(map(str, path))
        if isinstance(value, bool | None) or any(where == each or where.startswith(f"{each}.") for each in told):
            continue
        # References have become expressions; what is around them must be there word for word.
        parts = re.sub(r"\$\{[^}]*\}|@[^@\s]*@", "\0", "".join(str(value).split()).lower()).split("\0")
        if not all(part in text for part in parts):
            gone.append((where, value))
    return gone


def mistakes_of(text: str, name: str, form: Format) -> list[str]:
    """What the lint says of the outcome; a refusal is as good, if it says something."""
    try:
        found = import_runbooks(text, name, form, SPECS)
    except Unreadable as refused:
        return [] if refused.findings[0].sentence else ["refused without a sentence"]
    return [str(finding) for each in found.runbooks for finding in each.findings]


def test_xml_jobs_become_the_runbooks_that_their_yaml_would() -> None:
    """Options, handlers, plugins, scripts and their arguments; the script is shown as it was."""
    found = import_runbooks(XML, "jobs.xml", Format.RUNDECK, SPECS)
    assert [each.name for each in found.runbooks] == ["failover-take-over", "failover-check"]
    assert all(each.findings == () for each in found.runbooks)
    document = YAML(typ="safe", pure=True).load(found.runbooks[0].text)
    assert document["timeout"] == "1h30m"
    assert document["parameters"] == {
        "api_key": {"type": "secret", "description": "of the old primary"},
        "region": {"default": "eu", "choices": ["eu", "us"]},
    }
    steps = steps_of(found)
    assert list(steps) == ["check", "check_failed", "tell_them"]
    assert steps["check"]["runbook"] == {"name": "failover-check", "parameters": {"region": "{{ params.region }}"}}
    handler = steps["check_failed"]["manual"]["instructions"]
    assert "takeover {{ params.region }}" in handler
    assert "`tags: db !hostname: old.*`" in handler
    script = steps["tell_them"]["manual"]["instructions"]
    assert 'echo "&region; is <{{ params.region }}>"' in script
    assert "scriptInterpreter: sudo bash" in script
    assert "hunter2" not in found.runbooks[0].text


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (4, "uuid"), (11, "retry"), (12, "schedule"), (14, "project"), (16, "value"), (16, "valueExposed"),
        (19, "regex"), (39, "pluginConfig"), (41, "excludeprecedence"), (45, "dispatch"), (46, "notification"),
        (47, "x-unheard-of"),
    ],
)  # fmt: skip
def test_each_loss_of_an_xml_job_has_its_line(line: int, key: str) -> None:
    """What a runbook has nothing for is named where it stands, known to us or not."""
    found = import_runbooks(XML, "jobs.xml", Format.RUNDECK, SPECS)
    assert (line, f"'{key}'") in {(loss.line, loss.sentence.split(" ")[0]) for loss in found.losses}


def test_nothing_of_an_xml_job_goes_in_silence() -> None:
    """What is a default there and here, or is written otherwise here, is all that is not found word for word."""
    gone = dropped(read_job_xml(XML, "x"), import_runbooks(XML, "jobs.xml", Format.RUNDECK, SPECS))
    assert {where.rsplit(".", 1)[-1] for where, _ in gone} <= {"keepgoing", "strategy", "timeout", "args", "name"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<joblist><job></joblist>", "mismatched tag"),
        ("<joblist>", "no element found"),
        ("<jobs/>", "<jobs> is no <joblist>"),
        ("<joblist/>", "no Rundeck job definition"),
        ("<joblist><job><name>x</name></job></joblist>", "each job has a name and a sequence"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><joblist/>', "DOCTYPE"),
        ("<a>" * 100, "more than 40 levels"),
        (f"<joblist>{'<j/>' * 50_001}</joblist>", "more than 50000 values"),
        (f"<joblist>{'x' * MAX_BYTES}</joblist>", "at most"),
        ("<joblist>&unknown;</joblist>", "undefined entity"),
        ("<joblist>\x01</joblist>", "not well-formed"),
    ],
)
def test_xml_that_is_no_job_list_is_refused_with_its_place(text: str, said: str) -> None:
    """Entities, depth and size are bounded as they are in YAML."""
    with pytest.raises(Unreadable, match=said) as refused:
        import_runbooks(text, "jobs.xml", Format.RUNDECK, SPECS)
    assert refused.value.findings[0].line >= 1


HOSTILE = {
    "lists in lists": "[" * 50_000,
    "mappings in mappings": '{"method": ' * 20_000,
    "too many values": json.dumps({"method": [0] * 50_001}),
    "too many bytes": json.dumps({"method": ["x" * MAX_BYTES]}),
    "laughs": "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 9))]),
    "a cycle": "&a [*a]",
    "a tag": "method: !!python/object/apply:os.system [true]",
    "cloudformation": "schemaVersion: '0.3'\nmainSteps: [{name: !Ref x, action: 'aws:sleep'}]",
    "two documents": "method: []\n---\nmethod: []",
    "a tab": "method:\n\t- x",
    "a half of a character": '{"title": "\\ud83d", "method": [], "rollbacks": [{"name": "\\udc00"}]}',
    "a key that is a list": "? [a, b]\n: c\nmethod: []",
    "a number that is none": "method: []\ntitle: .nan\nrollbacks: [{name: 1e400, pauses: {before: .inf}}]",
    "steps that are none": "- sequence: {commands: [5, [], null, {exec: {a: b}}, {jobref: []}, {type: {}}]}",
}


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_gets_a_sentence_or_a_runbook_that_lints(form: Format, text: str) -> None:
    """Never a trace."""
    assert mistakes_of(text, "old.yaml", form) == []


@pytest.mark.parametrize("form", Format)
def test_a_file_that_was_cut_off_gets_a_sentence_or_a_runbook_that_lints(form: Format) -> None:
    """A download that broke off anywhere."""
    for end in range(0, len(XML), 97):
        assert mistakes_of(XML[:end], "jobs.xml", form) == []


def test_every_published_experiment_becomes_a_runbook_that_lints() -> None:
    """As people wrote them for other tools; nothing but the format's own version and defaults goes in silence."""
    if not PUBLISHED.is_dir():
        pytest.skip("the published experiments are not beside this checkout (../shared/data/chaostoolkit)")
    files = sorted(PUBLISHED.iterdir())
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        found = import_runbooks(text, file.name, Format.CHAOS_TOOLKIT, SPECS)
        assert [each.findings for each in found.runbooks] == [()], file.name
        gone = {where.rsplit(".", 1)[-1] for where, value in dropped(read_yaml(text, file.name), found) if value != 200}
        assert gone <= {"version", "type", "before", "after"}, (file.name, gone)
