"""Tolerances of probes: the forms of the Chaos Toolkit, and a doubt that stays one."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.tolerance import Tolerance, within

READ = TypeAdapter[Any](Tolerance)
ANSWER = {"status": 200, "value": None, "body": {"items": [{"lag": 7}], "text": "all is well"}}


@pytest.mark.parametrize(
    ("written", "answer", "holds"),
    [
        (200, ANSWER, True), (201, ANSWER, False), ("200", ANSWER, False), (True, {"value": 1}, False),
        (True, {"value": True}, True), ([100, 299], ANSWER, True), ([300, 399], ANSWER, False),
        ([200, 201, 204], ANSWER, True), (["a", "b", "c"], {"value": "b"}, True),
        (["a", "b", "c"], {"value": "d"}, False),
        ({"type": "range", "range": [0, 7], "path": "$.body.items[0].lag"}, ANSWER, True),
        ({"type": "range", "range": [0, 6.9], "target": "body.items[0].lag"}, ANSWER, False),
        ({"type": "range", "range": [0, 1]}, {"value": "much"}, None),
        ({"type": "range", "range": [0, 1]}, {"value": float("nan")}, None),
        ({"type": "range", "range": [0, 1]}, {"value": True}, None),
        ({"type": "regex", "pattern": "is w.ll", "path": "body.text"}, ANSWER, True),
        ({"type": "regex", "pattern": "^is", "path": "body.text"}, ANSWER, False),
        ({"type": "jsonpath", "path": "$.status", "expect": 200}, ANSWER, True),
        ({"type": "jsonpath", "path": "$.nothing", "expect": 200}, ANSWER, None),
        ({"type": "jsonpath", "path": "$.body.items[3]", "expect": 200}, ANSWER, None),
        ({"type": "membership", "values": [7, 8], "path": "body.items[0].lag"}, ANSWER, True),
        (200, {}, None), (200, {"value": None}, None), (3, 3, True),
    ],
)  # fmt: skip
def test_an_answer_is_within_tolerance_or_not_or_cannot_be_told(written: Any, answer: Any, holds: bool | None) -> None:
    """Strict about types, inclusive about bounds; what is not there is neither."""
    found = within(READ.validate_python(written), answer)
    assert found.holds is holds
    assert found.detail


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"type": "range", "range": [2, 1]}, "the first bound is greater than the second"),
        ({"type": "regex", "pattern": "("}, "is not a regular expression"),
        ({"type": "jsonpath", "expect": 1}, "needs a path"),
        ({"type": "jsonpath", "path": "$..x[", "expect": 1}, "is not a path"),
        ({"type": "probe", "path": "x"}, "does not match any of the expected tags"),
    ],
)
def test_a_tolerance_that_cannot_be_read_is_refused(written: Any, words: str) -> None:
    """When the file is read, with a sentence."""
    with pytest.raises(ValidationError, match="validation error") as refused:
        READ.validate_python(written)
    assert words in str(refused.value)
