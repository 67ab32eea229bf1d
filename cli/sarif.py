"""Findings of the blameless lint as SARIF 2.1.0, which code hosts show beside the lines of a change.

Called by `cli/review_lint.py`. Columns count characters, and SARIF is told so.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from domain.blameless import RULES, BlamelessFinding, Level, Rule

# SARIF's word for the third level.
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def sarif(found: Mapping[Path, Sequence[BlamelessFinding]]) -> dict[str, Any]:
    """One run over all files; a file without findings is an artifact without results."""
    order = {rule: index for index, rule in enumerate(RULES)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hotwash review lint",
                        "version": version("hotwash"),
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "artifacts": [{"location": {"uri": _uri(path)}} for path in found],
                "results": [_result(path, each, order) for path, findings in found.items() for each in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.why} ({rule.source})"},
        "help": {"text": rule.question},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _result(path: Path, finding: BlamelessFinding, order: Mapping[str, int]) -> dict[str, Any]:
    # The same words in the same file are the same finding when lines move.
    fingerprint = sha256(f"{finding.rule}\0{finding.text}".encode()).hexdigest()[:32]
    return {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": _LEVELS[finding.level],
        "message": {"text": f"“{finding.text}”: {finding.why} Better: {finding.question}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(path)},
                    "region": {
                        "startLine": finding.line,
                        "startColumn": finding.column,
                        "endLine": finding.end_line,
                        "endColumn": finding.end_column,
                    },
                }
            }
        ],
        "partialFingerprints": {"hotwashFinding/v1": fingerprint},
    }


def _uri(path: Path) -> str:
    # Relative, so that a code host finds the file in its own checkout.
    absolute = path.resolve()
    shown = absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
    return quote(shown.as_posix()) if not shown.is_absolute() else shown.as_uri()
