"""What each kind of picture can be found by: pure functions from a document to the columns of `pictures`.

A document that lacks a field (an older shape, another version of Hotwash) is stored all the same, with that column
empty: the record is never held up by what it cannot index.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.action_item import ActionItemStatus
from domain.game_day import GameDayPhase
from domain.incident import FINISHED
from domain.record import ProjectionKind
from domain.review import ReviewStatus

# Ranks below every due date: things without a deadline come last.
NO_DEADLINE = -(2**62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# More of a title than any list shows; the document keeps all of it.
_TITLE_LENGTH = 500
_SEARCH_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Columns:
    """The typed columns of one picture."""

    rank: int
    state: str | None = None
    severity: str | None = None
    owner: str | None = None
    title: str = ""
    at: int | None = None
    due_at: int | None = None
    is_open: bool = True
    is_drill: bool = False
    search: str = ""
    services: tuple[str, ...] = ()


def columns_of(kind: ProjectionKind, id_: str, document: dict[str, Any]) -> Columns:
    """The columns of a picture; never raises, whatever the document holds."""
    return _KINDS[kind](id_, document)


def microseconds(moment: datetime) -> int:
    """A time as the tables keep it; a time without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = aware - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def storable(text: str) -> str:
    """Text that both databases take: no NUL, no half of a surrogate pair; hostile alerts bring either."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def folded(text: str) -> str:
    """Text in the form that searching compares."""
    return storable(text).casefold()


def _incident(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "declared_at")
    state = _text(document, "status")
    services = _texts(document, "services")
    impact, roles = _object(document, "impact"), _object(document, "roles")
    return Columns(
        rank=at or 0,
        state=state,
        severity=_text(document, "severity"),
        owner=_text(roles, "commander"),
        title=_title(document, "title"),
        at=at,
        is_open=state not in set(FINISHED),
        is_drill=document.get("drill") is True,
        search=_search(id_, document.get("title"), document.get("summary"), impact.get("summary"), *services,
                       *roles.values()),
        services=services,
    )  # fmt: skip


def _alert_group(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "last_seen")
    routed = _object(document, "routed_as")
    service = _text(routed, "service")
    alerts = [alert for alert in document.get("alerts") or () if isinstance(alert, dict)]
    state = _text(document, "status")
    return Columns(
        rank=at or 0,
        state=state,
        severity=_text(routed, "severity"),
        title=_title(alerts[0], "title") if alerts else "",
        at=at,
        is_open=state != "cleared",
        search=_search(id_, service, document.get("sender"), *(alert.get("title") for alert in alerts)),
        services=(service,) if service else (),
    )


def _run(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "started_at")
    return Columns(
        rank=at or 0,
        state=_text(document, "status"),
        title=_title(document, "title"),
        at=at,
        is_open=document.get("finished_at") is None,
        is_drill=document.get("drill") is True,
        search=_search(id_, document.get("title")),
    )


def _approval(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "requested_at")
    state = _text(document, "state")
    return Columns(
        rank=at or 0,
        state=state,
        title=_title(document, "step_id"),
        at=at,
        due_at=_moment(document, "expires_at"),
        is_open=state == "pending",
        search=_search(id_),
    )


def _page(id_: str, document: dict[str, Any]) -> Columns:
    deliveries = [delivery for delivery in document.get("deliveries") or () if isinstance(delivery, dict)]
    at = _moment(deliveries[0], "at") if deliveries else None
    state = _text(document, "status")
    return Columns(rank=at or 0, state=state, title=_title(document, "reason"), at=at, is_open=state == "paging",
                   search=_search(id_))  # fmt: skip


def _comms(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(_object(document, "incident"), "declared_at")
    return Columns(rank=at or 0, at=at, is_open=document.get("closing_at") is None, search=_search(id_))


def _update(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "at")
    return Columns(
        rank=at or 0,
        state=_text(document, "audience"),
        severity=_text(document, "severity"),
        title=_title(document, "title"),
        at=at,
        is_open=document.get("closing") is not True,
        is_drill=document.get("drill") is True,
        search=_search(id_, document.get("text")),
        services=_texts(document, "services"),
    )


def _review(id_: str, document: dict[str, Any]) -> Columns:
    state = _text(document, "state")
    return _with_deadline(id_, document, state not in {ReviewStatus.CLOSED, ReviewStatus.WAIVED})


def _review_revision(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "at")
    return Columns(rank=at or 0, at=at, is_open=False, search=_search(id_))


def _action_item(id_: str, document: dict[str, Any]) -> Columns:
    state = _text(document, "state")
    # Nobody follows an item of an imported postmortem, so it is not owed here.
    is_over = state in {ActionItemStatus.DONE, ActionItemStatus.DROPPED} or document.get("imported") is True
    return _with_deadline(id_, document, not is_over)


def _with_deadline(id_: str, document: dict[str, Any], is_open: bool) -> Columns:
    due_at = _moment(document, "due_at")
    return Columns(
        rank=NO_DEADLINE if due_at is None else -due_at,
        state=_text(document, "state"),
        owner=_text(document, "owner"),
        title=_title(document, "title"),
        at=_moment(document, "created_at"),
        due_at=due_at,
        is_open=is_open,
        is_drill=document.get("drill") is True,
        search=_search(id_, document.get("title"), document.get("owner")),
    )


def _game_day(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "started_at")
    state = _text(document, "phase")
    service = _text(document, "service")
    return Columns(
        rank=at or 0,
        state=state,
        title=_title(document, "title"),
        at=at,
        is_open=state != GameDayPhase.FINISHED,
        is_drill=True,
        search=_search(id_, document.get("title"), document.get("name")),
        services=(service,) if service else (),
    )


def _import(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "imported_at")
    return Columns(rank=at or 0, title=_title(document, "key"), at=at, is_open=False, search=_search(id_))


def _operations_review(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "until")
    state = _text(document, "state")
    return Columns(rank=at or 0, state=state, title=_title(document, "title"), at=at,
                   is_open=state not in {"held", "lapsed"}, search=_search(id_))  # fmt: skip


def _insight_mail(id_: str, document: dict[str, Any]) -> Columns:
    at = _moment(document, "until")
    state = _text(document, "state")
    is_open = state in {"preparing", "sending"}
    return Columns(
        rank=at or 0, state=state, title=_title(document, "title"), at=at, is_open=is_open, search=_search(id_)
    )


_KINDS: dict[ProjectionKind, Callable[[str, dict[str, Any]], Columns]] = {
    ProjectionKind.ALERT_GROUP: _alert_group,
    ProjectionKind.INCIDENT: _incident,
    ProjectionKind.RUN: _run,
    ProjectionKind.APPROVAL: _approval,
    ProjectionKind.PAGE: _page,
    ProjectionKind.COMMS: _comms,
    ProjectionKind.UPDATE: _update,
    ProjectionKind.REVIEW: _review,
    ProjectionKind.REVIEW_REVISION: _review_revision,
    ProjectionKind.ACTION_ITEM: _action_item,
    ProjectionKind.GAME_DAY: _game_day,
    ProjectionKind.OPERATIONS_REVIEW: _operations_review,
    ProjectionKind.INSIGHT_MAIL: _insight_mail,
    ProjectionKind.IMPORT: _import,
}


def _object(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _text(document: dict[str, Any], key: str) -> str | None:
    value = document.get(key)
    return storable(value) if isinstance(value, str) else None


def _texts(document: dict[str, Any], key: str) -> tuple[str, ...]:
    values = document.get(key)
    if not isinstance(values, (list, tuple)):
        return ()
    return tuple(dict.fromkeys(storable(value) for value in values if isinstance(value, str)))


def _title(document: dict[str, Any], key: str) -> str:
    return (_text(document, key) or "")[:_TITLE_LENGTH]


def _moment(document: dict[str, Any], key: str) -> int | None:
    value = document.get(key)
    try:
        return microseconds(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _search(*parts: object) -> str:
    return folded("\n".join(part for part in parts if isinstance(part, str)))[:_SEARCH_LENGTH]
