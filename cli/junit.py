"""Verdicts as JUnit XML, the form in which every CI shows tests. Called by `hotwash runbook rehearse --junit`."""

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from runbooks.verdict import PlayedLine, Verdict

# What XML 1.0 cannot hold at all, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(verdicts: Sequence[Verdict], file: Path) -> None:
    """One suite per runbook, one case per scenario; a case's time is the machine's, its output is the timeline."""
    root = ET.Element("testsuites", _counts(verdicts, "hotwash rehearsals"))
    for runbook, found in groupby(verdicts, key=lambda verdict: verdict.runbook):
        cases = list(found)
        suite = ET.SubElement(root, "testsuite", _counts(cases, runbook))
        for verdict in cases:
            _case(suite, verdict)
    ET.indent(root)
    ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def clock(at: timedelta) -> str:
    """`0:05:00`, or `2d 01:00:00` for what is longer than a day."""
    minutes, seconds = divmod(int(at.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02}:{minutes:02}:{seconds:02}" if days else f"{hours}:{minutes:02}:{seconds:02}"


def _counts(verdicts: Sequence[Verdict], name: str) -> dict[str, str]:
    failures = sum(not verdict.passed for verdict in verdicts)
    seconds = sum(verdict.played.took.total_seconds() for verdict in verdicts)
    counted = {"tests": str(len(verdicts)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}
    return {"name": name, **counted}


def _case(suite: ET.Element, verdict: Verdict) -> None:
    seconds = f"{verdict.played.took.total_seconds():.3f}"
    case = ET.SubElement(suite, "testcase", {"classname": verdict.runbook, "name": verdict.scenario, "time": seconds})
    if not verdict.passed:
        failure = ET.SubElement(case, "failure", {"message": _clean(verdict.mismatches[0]), "type": "mismatch"})
        failure.text = _clean("\n".join(verdict.mismatches))
    ET.SubElement(case, "system-out").text = _clean("\n".join(map(_line, verdict.played.lines)))


def _line(line: PlayedLine) -> str:
    return f"{clock(line.at):>12} {line.kind.value:<10} {line.summary} [{line.actor}]"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
