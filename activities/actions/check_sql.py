"""`check.sql`: read one value from a PostgreSQL database and compare it.

The one thing to know: the query is one side of a SELECT in a transaction that is read-only, with a time limit of its
own. A function with side effects could still do harm, so the database's user must not be allowed to call any.
"""

from typing import Any, ClassVar, Protocol

from pydantic import Field
from typing_extensions import override

from activities.action import Call
from activities.actions.checking import COMPARISONS, Checking, Comparison, Seen
from activities.actions.switches import named, seconds, secret_of
from activities.ports import ConfigurationSource
from domain.action_targets import Database
from domain.errors import Rejected, Transient
from domain.model import Model

_ORDERED = (int, float)


class CheckSqlParameters(Model):
    """What is asked and what the answer must be."""

    # A name of `actions.databases`.
    database: str
    # A SELECT with one row and one column; `$1`, `$2` … stand for the arguments.
    query: str = Field(min_length=1, max_length=8192)
    arguments: tuple[str | int | float | bool | None, ...] = Field(default=(), max_length=32)
    comparison: Comparison = "=="
    value: str | int | float | bool
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)


class CheckSqlResult(Seen):
    """What was seen; `value` None: NULL, no row or no answer."""

    value: Any = None


class SqlReader(Protocol):
    """Databases, read only."""

    async def rows(
        self, database: Database, password: str | None, query: str, arguments: tuple[Any, ...], seconds: float
    ) -> list[list[Any]]:
        """At most two rows, as JSON values. Rejected: the query cannot be answered; Transient: the database is away."""


class CheckSql(Checking[CheckSqlParameters, CheckSqlResult]):
    """One value."""

    name = "check.sql"
    summary = "Read one value from a database of actions.databases and fail unless it compares as wanted."
    parameters_model = CheckSqlParameters
    result_model = CheckSqlResult
    example: ClassVar = {
        "database": "orders",
        "query": "select count(*) from jobs where state = $1",
        "arguments": ["stuck"],
        "comparison": "<",
        "value": 100,
    }

    def __init__(self, configuration: ConfigurationSource, sql: SqlReader) -> None:
        self._configuration = configuration
        self._sql = sql

    @override
    async def look(self, parameters: CheckSqlParameters, call: Call) -> CheckSqlResult:
        database = named(self._configuration.current().actions.databases, parameters.database, "databases", "database")
        password, limit = secret_of(database.password, call), seconds(call, parameters.timeout_seconds)
        try:
            rows = await self._sql.rows(database, password, parameters.query, parameters.arguments, limit)
        except Transient as error:
            return CheckSqlResult(holds=False, reason=error.sentence)
        return judge(parameters, rows)


def judge(wanted: CheckSqlParameters, rows: list[list[Any]]) -> CheckSqlResult:
    """Whether the one value is as wanted; NULL and no row are no answer."""
    if any(len(row) != 1 for row in rows) or len(rows) > 1:
        raise Rejected("the query answers with more than one value; select one row and one column")
    value = rows[0][0] if rows else None
    if value is None:
        return CheckSqlResult(holds=False, reason="the query finds no row" if not rows else "the query answers NULL")
    _demand_comparable(wanted, value)
    holds = COMPARISONS[wanted.comparison](value, wanted.value)
    reason = f"the query answers {value!r}, wanted {wanted.comparison} {wanted.value!r}"
    return CheckSqlResult(holds=holds, reason=reason, value=value)


def _demand_comparable(wanted: CheckSqlParameters, value: Any) -> None:
    numbers = isinstance(value, _ORDERED) and isinstance(wanted.value, _ORDERED)
    same = type(value) is type(wanted.value) or (
        numbers and not isinstance(value, bool) and not isinstance(wanted.value, bool)
    )
    if not same:
        raise Rejected(f"the query answers {value!r}, which cannot be compared with {wanted.value!r}; cast one of them")
