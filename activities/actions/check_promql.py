"""`check.promql`: ask a Prometheus and compare. What is missing does not hold.

The one thing to know: a query that finds no series says nothing about the system, so it never counts as good; write
`or vector(0)` into the query where absence is good news.
"""

import json
import math
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.checking import COMPARISONS, Checking, Comparison, Seen
from activities.actions.ports import HttpAnswer, HttpCall, HttpCaller
from activities.actions.switches import named, seconds, secret_of
from activities.actions.urls import parse_http_url, shown
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind, Transient, UnknownOutcome
from domain.model import Model

_SHOWN_SERIES = 3
# Prometheus says these when the query itself is wrong: 400 bad data, 422 cannot be executed.
_BAD_QUERY = frozenset({400, 422})
_NO_RIGHT = frozenset({401, 403})
_OK = 200


class CheckPromqlParameters(Model):
    """What is asked and what the answer must be."""

    # A name of `actions.prometheus`.
    prometheus: str
    query: str = Field(min_length=1, max_length=8192)
    comparison: Comparison
    threshold: float
    # Whether every series of the answer must hold, or one is enough.
    series: Literal["all", "any"] = "all"
    # Prometheus gives up after two minutes; a check in an incident waits no longer than this.
    timeout_seconds: float = Field(default=10.0, gt=0, le=120)


class CheckPromqlResult(Seen):
    """What was seen. `value`: of the series that decided, None without any."""

    value: float | None
    series: int
    missing: bool


class CheckPromql(Checking[CheckPromqlParameters, CheckPromqlResult]):
    """An instant query now."""

    name = "check.promql"
    summary = "Ask a Prometheus of actions.prometheus and fail unless the answer compares as wanted; no data fails."
    parameters_model = CheckPromqlParameters
    result_model = CheckPromqlResult
    example: ClassVar = {
        "prometheus": "main",
        "query": 'sum(rate(http_requests_total{job="shop",code=~"5.."}[1m]))',
        "comparison": "<",
        "threshold": 0.5,
    }

    def __init__(self, configuration: ConfigurationSource, http: HttpCaller) -> None:
        self._configuration = configuration
        self._http = http

    @override
    async def look(self, parameters: CheckPromqlParameters, call: Call) -> CheckPromqlResult:
        try:
            return judge(parameters, await self._ask(parameters, call))
        except (Transient, UnknownOutcome) as error:
            return CheckPromqlResult(holds=False, reason=error.sentence, value=None, series=0, missing=True)

    async def _ask(self, parameters: CheckPromqlParameters, call: Call) -> list[tuple[str, float]]:
        server = named(
            self._configuration.current().actions.prometheus, parameters.prometheus, "prometheus", "Prometheus"
        )
        url = f"{server.url.rstrip('/')}/api/v1/query"
        parse_http_url(url)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "hotwash"}
        token = secret_of(server.token, call)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        limit = seconds(call, parameters.timeout_seconds)
        body = urlencode({"query": parameters.query, "timeout": f"{limit:g}s"}).encode()
        return samples(await self._http.call(HttpCall("POST", url, headers, body, limit)), shown(url))


def samples(answer: HttpAnswer, where: str) -> list[tuple[str, float]]:
    """The series of an answer, each as its labels and its value; Rejected for a query that can never be answered."""
    document = _document(answer)
    if answer.status in _BAD_QUERY:
        raise Rejected(f"{where} does not accept the query: {str(document.get('error', ''))[:300]}")
    if answer.status in _NO_RIGHT:
        raise Rejected(f"{where} answered {answer.status}; see actions.prometheus", RejectionKind.FORBIDDEN)
    if answer.status != _OK or document.get("status") != "success":
        raise Transient(f"{where} answered {answer.status}: {str(document.get('error', ''))[:300]}")
    if answer.truncated:
        raise Rejected("the query answers with too many series; aggregate them", RejectionKind.TOO_LARGE)
    data = document.get("data", {})
    kind, result = data.get("resultType"), data.get("result")
    if kind == "scalar":
        return [("scalar", float(result[1]))]
    if kind != "vector":
        raise Rejected(f"the query answers with a {kind}, and only a number per series can be compared")
    if any("value" not in series for series in result):
        raise Rejected("the query answers with native histograms, and only numbers can be compared")
    return [(_labels(series["metric"]), float(series["value"][1])) for series in result]


def judge(wanted: CheckPromqlParameters, found: list[tuple[str, float]]) -> CheckPromqlResult:
    """Whether the samples are as wanted. NaN compares with nothing; no sample is no answer."""
    if not found:
        return CheckPromqlResult(holds=False, reason="the query finds no data", value=None, series=0, missing=True)
    compare = COMPARISONS[wanted.comparison]
    good = [one for one in found if not math.isnan(one[1]) and compare(one[1], wanted.threshold)]
    bad = [one for one in found if one not in good]
    holds = not bad if wanted.series == "all" else bool(good)
    decided = (bad if wanted.series == "all" else good) or found
    told = ", ".join(f"{labels} {value:g}" for labels, value in decided[:_SHOWN_SERIES])
    more = f" and {len(decided) - _SHOWN_SERIES} more" if len(decided) > _SHOWN_SERIES else ""
    reason = f"{told}{more}; wanted {wanted.comparison} {wanted.threshold:g}"
    value = decided[0][1]
    # JSON knows no infinities.
    kept = value if math.isfinite(value) else None
    return CheckPromqlResult(holds=holds, reason=reason, value=kept, series=len(found), missing=False)


def _document(answer: HttpAnswer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _labels(metric: dict[str, str]) -> str:
    name = metric.get("__name__", "")
    labels = ",".join(f'{key}="{value}"' for key, value in sorted(metric.items()) if key != "__name__")
    return f"{name}{{{labels}}}"
