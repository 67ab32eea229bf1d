"""The graph: every step with its effect, gates, conditions, branches and undos; hostile texts stay texts."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from activities.actions import specs
from runbooks.catalog import LIBRARY
from runbooks.graph import Box, Group, Tone, flow_of, mermaid, picture_of
from runbooks.graph_svg import svg
from runbooks.lint import lint
from runbooks.source import read_yaml

SPECS = specs()
SVG = "{http://www.w3.org/2000/svg}"
BRANCHED = """
title: Drain
steps:
  - {id: look, action: check.http, with: {url: "http://x"}}
  - {id: ask, approval: {covers: [move], approvers: [sre], min_approvals: 2}}
  - {id: move, title: Move it, action: release.rollback, with: {target: x}, timeout: PT2M, retry: {max_attempts: 3}}
  - id: both
    parallel:
      join: any
      branches:
        - [{id: a, action: release.rollback, with: {}}, {id: b, action: process.run, undo: {action: process.run}}]
        - [{id: c, manual: {instructions: x}, if: "{{ params.bob }}"}]
  - id: pick
    if: "{{ not run.drill }}"
    switch:
      cases:
        - if: "{{ params.region == 'eu' }}"
          steps:
            - id: each
              foreach:
                {items: "{{ params.hosts }}", as: host, max_concurrency: 5, steps: [{id: d, wait: {duration: 5m}}]}
      default: []
  - {id: child, runbook: {name: clean-up, parameters: {}}}
  - {id: break, action: process.kill, with: {}}
  - {id: later, action: aws.not_here_yet, with: {}}
finally:
  - {id: tell, action: notify.post, with: {channel: x, text: y}}
"""


def texts(picture: str) -> list[str]:
    """Every text that the SVG shows or says in a tooltip."""
    return [
        element.text or "" for element in ET.fromstring(picture).iter() if element.tag in {f"{SVG}text", f"{SVG}title"}
    ]


def branched() -> str:
    return svg(picture_of(read_yaml(BRANCHED, "b").data, SPECS))


def test_each_step_has_the_colour_and_the_word_of_its_effect() -> None:
    """Read-only, mutating, fault, person, clock, nested, and unknown where nobody knows."""
    picture = picture_of(read_yaml(BRANCHED, "b").data, SPECS)
    boxes = [item for item in picture.steps if isinstance(item, Box)]
    assert [(box.title, box.tone) for box in boxes] == [
        ("look", Tone.READ_ONLY),
        ("ask", Tone.PERSON),
        ("Move it", Tone.MUTATING),
        ("child", Tone.NESTED),
        ("break", Tone.FAULT),
        ("later", Tone.UNKNOWN),
    ]
    assert boxes[1].is_gate
    assert boxes[2].facts == ("after ask", "3 attempts", "each 2m")
    assert boxes[2].undo == "automatic"
    drawn = branched()
    for word in ("read-only", "mutating", "fault", "person", "clock", "runbook", "unknown effect"):
        assert word in texts(drawn)
    assert 'class="box fault"' in drawn


def test_branches_stand_in_their_group() -> None:
    """Parallel with its join, switch with its cases, foreach with what it goes over."""
    picture = picture_of(read_yaml(BRANCHED, "b").data, SPECS)
    both, pick = (item for item in picture.steps if isinstance(item, Group))
    assert [branch.label for branch in both.branches] == ["1", "2"]
    assert both.join == "goes on when any one is done"
    assert pick.condition == "not run.drill"
    assert [branch.label for branch in pick.branches] == ["if params.region == 'eu'", "otherwise"]
    each = pick.branches[0].flow[0]
    assert isinstance(each, Group)
    assert each.branches[0].label == "for each host of params.hosts"
    assert each.join == "at most 5 at once, goes on when every item is done"


def test_undo_goes_backwards_dotted() -> None:
    """From each step that is taken back to the one before it that is, and to where the steps began."""
    lines = mermaid(picture_of(read_yaml(BRANCHED, "b").data, SPECS)).splitlines()
    names = {found[2]: found[1] for line in lines if (found := re.match(r'\s+(n\d+)[\[({]+"([^"<]*)', line))}
    undos = {tuple(found.groups()) for line in lines if (found := re.match(r"\s+(n\d+) -\. .* \.-> (n\d+)", line))}
    assert (names["Move it"], names["Drain"]) in undos
    assert (names["b"], names["a"]) in undos
    assert (names["a"], names["parallel"]) in undos
    assert (names["parallel"], names["Move it"]) in undos
    # One dotted line per undo, and the one of the legend.
    assert branched().count('class="undo"') == len(undos) + 1


def test_a_condition_can_be_passed_by() -> None:
    """A question with a way around the step."""
    text = 'title: t\nsteps: [{id: a, action: noop, if: "{{ run.drill }}"}, {id: b, action: noop}]'
    lines = mermaid(picture_of(read_yaml(text, "t").data, SPECS)).splitlines()
    assert '  n2{"run.drill"}' in lines
    assert '  n2 -- "yes" --> n3' in lines
    assert '  n2 -- "no" --> n4' in lines
    assert "  n3 --> n4" in lines


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_runbook_of_the_library_can_be_drawn(file: Path) -> None:
    """As a whole file of its own: no script, nothing from elsewhere."""
    runbook = lint(file.read_text(), file.name, SPECS).runbook
    assert runbook is not None
    picture = flow_of(runbook, SPECS)
    drawn = svg(picture)
    assert runbook.title in "".join(texts(drawn))
    assert not re.search(r"<(script|image|foreignObject|use)|href=", drawn)
    assert mermaid(picture).startswith("flowchart TD\n")


HOSTILE = (
    "</text><script>alert(1)</script>",
    '"]; click n1 "javascript:alert(1)"',
    "%%{init: {'theme': 'dark'}}%%",
    "`**bold**`",
    "end",
    "a\x00b\x1b[31m\u202egnp.exe\u200b",
    "&lt;&#60;",
    "監視" * 60,
    "x" * 900,
    "#quot;#35;",
)


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_texts_stay_texts(title: str) -> None:
    """In titles, ids, conditions and names, wherever a runbook has text of its own."""
    step = {"id": title, "title": title, "action": title, "if": title, "undo": {"action": title}}
    group = {"id": title, "title": title, "parallel": {"join": title, "branches": {title: [step]}}}
    document = {"title": title, "steps": [step, group, {"id": "m", "manual": {"instructions": "", "assignee": title}}]}
    picture = picture_of(document, SPECS)
    drawn = svg(picture)
    assert {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()} <= {
        *("svg", "title", "style", "defs", "marker", "path", "rect", "polygon", "text", "g")
    }
    for line in mermaid(picture).splitlines():
        assert re.fullmatch(r"[\w\s:<>\[\](){}/.#;,-]*", "".join(outside_quotes(line))), line
    for quoted in re.findall(r'"([^"]*)"', mermaid(picture)):
        assert not re.search(r"[`%{}<&\x00-\x1f\u202e]", quoted.replace("<br/>", "")), quoted


def outside_quotes(line: str) -> Iterator[str]:
    """What Mermaid reads as its own."""
    for index, part in enumerate(line.split('"')):
        if index % 2 == 0:
            yield part


def test_no_text_leaves_its_picture() -> None:
    """Whatever is written, every text begins and ends inside the file's own width."""
    for title in HOSTILE:
        step = {"id": "a", "title": title, "action": title, "if": title}
        root = ET.fromstring(svg(picture_of({"title": title, "steps": [step]}, SPECS)))
        width = float(root.get("width", "0"))
        for text in root.iter(f"{SVG}text"):
            # 9 px: wider than any character of a 13 px face, but for the full-width ones, which are 14 px.
            half = sum(14 if ord(c) > 0x2E80 else 7 for c in text.text or "") / 2
            if "start" not in (text.get("class") or ""):
                assert half < float(text.get("x", "0")) < width - half
