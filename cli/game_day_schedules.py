"""`hotwash game-day pause | resume | trigger | skip-next | calendar`: the schedules, which the engine keeps."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import typer

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.game_days import game_day
from cli.incidents import ByOption

NameArgument = Annotated[str, typer.Argument(help="From 'hotwash game-day list'.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r")]


def register(_: typer.Typer) -> None:
    """Nothing more to add: the commands below belong to `hotwash game-day`."""


@game_day.command("pause")
def pause(name: NameArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """No further one starts by itself, until it is resumed."""
    _say(name, "pause", reason, by, as_json=as_json)


@game_day.command("resume")
def resume(name: NameArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """The schedule goes on; what was missed is not made up for."""
    _say(name, "resume", reason, by, as_json=as_json)


@game_day.command("skip-next")
def skip_next(name: NameArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False) -> None:
    """The next one does not start; the one after it does."""
    found = call("POST", f"/game-days/{name}/skip-next", body={"reason": reason} | ({"by": by} if by else {}))
    if as_json:
        print_json(found)
    else:
        stdout.print(f"Skipped: {name} at {_moment(found['skipped'])}", markup=False)


@game_day.command("trigger")
def trigger(name: NameArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Start what is scheduled now, as it is pinned in the schedule."""
    found = call("POST", f"/game-days/{name}/trigger", body={"by": by} if by else {})
    if as_json:
        print_json(found)
    else:
        stdout.print(found["id"], markup=False)


@game_day.command("standing-approval")
def standing_approval(name: NameArgument, as_json: JsonOption = False) -> None:
    """Whether people have approved further runs of it, until when, and who."""
    _show_standing(call("GET", f"/game-days/{name}/standing-approval"), as_json=as_json)


@game_day.command("revoke-standing-approval")
def revoke_standing_approval(
    name: NameArgument, reason: ReasonOption, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """Every run is asked about again."""
    body = {"reason": reason} | ({"by": by} if by else {})
    _show_standing(call("POST", f"/game-days/{name}/standing-approval/revoke", body=body), as_json=as_json)


def _show_standing(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts = [("game day", found["name"]), ("standing approval", found["state"].replace("_", " "))]
    if found["until"]:
        facts += [("until", _moment(found["until"])), ("approved by", ", ".join(found["approved_by"]))]
    if found["revoked_by"]:
        facts.append(("revoked by", f"{found['revoked_by']}: {found['revoked_because']}"))
    show.facts(facts)


@game_day.command("calendar")
def calendar(
    month: Annotated[str | None, typer.Option(help="2026-12; left out: the next 31 days.")] = None,
    ics: Annotated[bool, typer.Option("--ics", help="Print it as iCalendar: last month and the next two.")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Print the address for a calendar program; it is yours.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What is due and what was held; what a freeze, a window or a person keeps from beginning."""
    if ics + link + (month is not None) > 1:
        fail("--ics and --link take no month, and not each other", 2)
    if ics:
        stdout.out(call("GET", "/game-days/calendar.ics"), end="", highlight=False)
        return
    if link:
        made = call("POST", "/game-days/calendar/links")
        print_json(made) if as_json else stdout.out(made["url"], highlight=False)
        return
    params = {} if month is None else _span(month)
    found = call("GET", "/game-days/calendar", params=params)
    if as_json:
        print_json(found)
        return
    columns: dict[str, Callable[[dict[str, Any]], show.Cell]] = {
        "WHEN": lambda d: _moment(d["at"]),
        "GAME DAY": lambda d: d["id"] or d["name"],
        "": lambda d: show.state(d["verdict"] or d["kind"]),
        "NOTE": lambda d: d["note"],
    }
    show.table(found["entries"], columns, as_json=False, empty="Nothing is due, and nothing was held.")
    for freeze in found["freezes"]:
        line = f"Freeze {freeze['name']}: {_moment(freeze['since'])} to {_moment(freeze['until'])}"
        stdout.print(line, markup=False, style="yellow")
    for name, at in found["told_until"].items():
        stdout.print(f"The engine tells the times of {name} until {_moment(at)} only.", markup=False, style="dim")
    for problem in found["problems"]:
        stdout.print(problem, markup=False, style="red")


def _say(name: str, verb: str, reason: str, by: str | None, *, as_json: bool) -> None:
    call("POST", f"/game-days/{name}/{verb}", body={"reason": reason} | ({"by": by} if by else {}))
    if as_json:
        print_json({"name": name, "is_paused": verb == "pause"})


def _span(month: str) -> dict[str, str]:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        fail(f"{month!r} is no month; write for example 2026-12", 2)
    # 31 days after the first of a month is in the next one.
    after = (first + timedelta(days=31)).replace(day=1)
    since, until = (datetime.combine(each, time(), UTC).isoformat() for each in (first, after))
    return {"since": since, "until": until}


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
