"""`hotwash declare`, `incidents`, `acknowledge`, `update`, `resolve` and the other verbs of the incident room."""

from typing import Annotated, Any

import typer
from rich.text import Text

from cli import show
from cli.client import JsonOption, call, fail, print_json, stdout
from cli.lists import listed
from domain.durations import parse_duration

IncidentArgument = Annotated[str, typer.Argument(help="Id, such as inc-20261122-k7qd.", metavar="INCIDENT")]
ByOption = Annotated[str | None, typer.Option("--by", help="Act for this person (admin token only).")]


def register(app: typer.Typer) -> None:
    """Add the commands to `hotwash`."""
    for function, name in (
        (declare, "declare"), (incidents, "incidents"), (acknowledge, "acknowledge"), (update, "update"),
        (severity, "severity"), (status, "status"), (offer, "offer"), (accept, "accept"), (note, "note"),
        (resolve, "resolve"), (reopen, "reopen"), (close, "close"), (triage, "triage"),
        (declare_group, "declare-group"), (decline_group, "decline-group"),
    ):  # fmt: skip
        app.command(name, rich_help_panel="Incidents")(function)


def act(incident: str, verb: str, body: dict[str, Any], *, by: str | None, as_json: bool) -> None:
    """Send one verb and show the incident as it then stands."""
    filled = {name: value for name, value in (body | {"by": by}).items() if value is not None}
    print_incident(call("POST", f"/incidents/{incident}/{verb}", body=filled), as_json=as_json)


def print_incident(document: dict[str, Any], *, as_json: bool) -> None:
    """One incident."""
    if as_json:
        print_json(document)
        return
    roles = ", ".join(f"{role.replace('_', ' ')} {name}" for role, name in document["roles"].items())
    offers = ", ".join(f"{offer['role'].replace('_', ' ')} to {offer['to']}" for offer in document["offers"])
    next_updates = ", ".join(f"{who} {show.ago(when)}" for who, when in document["next_update_by"].items())
    stdout.print(f"[bold]{document['id']}[/]  {'[yellow]DRILL[/]  ' if document['drill'] else ''}", end="")
    stdout.print(document["title"], markup=False, highlight=False)
    show.facts(
        [
            ("status", show.state(document["status"])),
            ("severity", show.state(document["severity"])),
            ("services", ", ".join(document["services"])),
            ("roles", roles or "nobody has command: acknowledge to take it"),
            ("offered", offers),
            ("impact", document["impact"]["summary"]),
            ("declared", show.ago(document["declared_at"])),
            ("next update", next_updates),
            ("runs", ", ".join(f"{run['id']} {run['status']}" for run in document["runs"])),
            ("review", document["review_state"] and document["review_state"].replace("_", " ")),
            ("action items", ", ".join(f"{item['id']} {item['state']}" for item in document["action_items"])),
        ]
    )


def declare(
    title: Annotated[str, typer.Argument(help="What is wrong, as a customer would say it.")],
    severity: Annotated[str, typer.Option("--severity", "-s", help="SEV-1 … SEV-5; unsure: the worse.")] = "SEV-2",
    service: Annotated[list[str] | None, typer.Option("--service", help="May be given several times.")] = None,
    summary: Annotated[str, typer.Option(help="What is known.")] = "",
    runbook: Annotated[str | None, typer.Option(help="Start this runbook at once.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key is the same incident.")] = None,
    near_miss: Annotated[bool, typer.Option("--near-miss", help="Nobody was hurt, this time; it is reviewed.")] = False,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Declare an incident: its on-call is paged, its clocks start."""
    body: dict[str, Any] = {"title": title, "severity": severity.upper(), "services": service or [], "summary": summary}
    body |= {name: value for name, value in (("runbook", runbook), ("by", by)) if value}
    if near_miss:
        body["near_miss"] = True
    headers = {"Idempotency-Key": key} if key else None
    declared = call("POST", "/incidents", body=body, headers=headers)
    print_incident(declared, as_json=as_json)
    if not as_json:
        _print_alike(declared["alike"])


def _print_alike(alike: dict[str, Any]) -> None:
    """What is known of incidents like it, for whoever has just declared one."""
    if alike["problem"]:
        stdout.print()
        stdout.print(Text(alike["problem"], style="yellow"))
    for each in alike["incidents"]:
        stdout.print()
        stdout.print(Text.assemble(
            "like ", (each["incident_id"], "bold"), f" {each['title']}", (f"  {show.ago(each['declared_at'])}", "dim")
        ))  # fmt: skip
        facts = [("because", ", ".join(reason["sentence"] for reason in each["reasons"]))]
        facts += [("then helped", text) for text in each["helped"]]
        facts += [("runbook", name) for name in each["runbooks"]]
        facts += [("still open", _open_item(item)) for item in each["open_items"]]
        show.facts(facts)


def _open_item(item: dict[str, Any]) -> str:
    overdue = ", overdue" if item["is_overdue"] else ""
    return f"{item['id']} {item['title']} ({item['owner'] or 'nobody'}{overdue})"


def incidents(
    incident: Annotated[str | None, typer.Argument(help="One incident with its timeline; left out: the list.")] = None,
    q: Annotated[str | None, typer.Option("--search", "-q", help="Words in title, summary, services, people.")] = None,
    status: Annotated[str | None, typer.Option(help="One or several, with commas.")] = None,
    severity: Annotated[str | None, typer.Option(help="One or several, with commas.")] = None,
    service: Annotated[str | None, typer.Option()] = None,
    since: Annotated[str | None, typer.Option(help="Declared at this time (ISO 8601) or later.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List incidents, newest first, or show one with its timeline."""
    if incident is not None:
        _show_one(incident, as_json=as_json)
        return
    params = {"q": q, "status": status, "severity": severity, "service": service, "since": since}
    found = listed("/incidents", params, limit)
    if as_json:
        print_json({"items": found.items, "next_cursor": found.next_cursor})
        return
    columns = {
        "INCIDENT": lambda d: d["id"],
        "SEVERITY": lambda d: show.state(d["severity"]),
        "STATUS": lambda d: show.state(d["status"]),
        "DECLARED": lambda d: show.ago(d["declared_at"]),
        "COMMANDER": lambda d: d["roles"].get("commander", "–"),
        "TITLE": lambda d: ("[drill] " if d["drill"] else "") + d["title"],
    }
    show.table(found.items, columns, as_json=False, empty="No incident matches.")
    found.tell_of_more()


def _show_one(incident: str, *, as_json: bool) -> None:
    document = call("GET", f"/incidents/{incident}")
    timeline = call("GET", f"/incidents/{incident}/timeline", params={"limit": 1000})["items"]
    if as_json:
        print_json({"incident": document, "timeline": timeline})
        return
    print_incident(document, as_json=False)
    stdout.print()
    for line in sorted(timeline, key=lambda each: (each["at"], each["seq"])):
        show.entry(line)


def acknowledge(incident: IncidentArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Say that you have it: paging stops; the first to say so takes command."""
    act(incident, "acknowledge", {}, by=by, as_json=as_json)


def update(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What is affected, what is being done, what workaround there is.")],
    audience: Annotated[str, typer.Option("--audience", "-a", help="internal, external or executive.")] = "internal",
    next_within: Annotated[str | None, typer.Option(help="When the next one comes, such as 20m.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an audience what is known; resets its clock."""
    if next_within is not None:
        try:
            parse_duration(next_within)
        except ValueError as error:
            fail(str(error), 2)
    body = {"audience": audience, "text": text, "next_update_within": next_within}
    act(incident, "updates", body, by=by, as_json=as_json)


def severity(
    incident: IncidentArgument,
    to: Annotated[str, typer.Argument(help="SEV-1 … SEV-5.")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the severity, with a reason."""
    act(incident, "severity", {"severity": to.upper(), "reason": reason}, by=by, as_json=as_json)


def status(
    incident: IncidentArgument,
    to: Annotated[str, typer.Argument(help="investigating, identified, mitigating or monitoring.")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move along the lifecycle; `monitoring` means that the impact is over."""
    act(incident, "status", {"status": to, "reason": reason}, by=by, as_json=as_json)


def offer(
    incident: IncidentArgument,
    role: Annotated[str, typer.Argument(help="commander, communications_lead, …")],
    person: Annotated[str, typer.Argument(help="To whom.")],
    reason: Annotated[str, typer.Option("--reason", "-r")] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Offer a role; it is theirs once they accept."""
    act(incident, "roles", {"role": role, "person": person, "reason": reason}, by=by, as_json=as_json)


def accept(
    incident: IncidentArgument,
    role: Annotated[str, typer.Argument(help="The role that was offered to you.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a role that was offered to you."""
    act(incident, "roles", {"role": role, "action": "accept"}, by=by, as_json=as_json)


def note(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What you saw, did or decided.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a line to the timeline."""
    act(incident, "timeline", {"text": text}, by=by, as_json=as_json)


def resolve(
    incident: IncidentArgument,
    summary: Annotated[str, typer.Argument(help="What brought normal service back.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Normal service is back: closing notices go out, the review is due from now on."""
    act(incident, "resolve", {"summary": summary}, by=by, as_json=as_json)


def reopen(
    incident: IncidentArgument,
    reason: Annotated[str, typer.Argument(help="Why it was not over.")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """It was not over."""
    act(incident, "reopen", {"reason": reason}, by=by, as_json=as_json)


def close(incident: IncidentArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """The learning is done; refused while the review is open."""
    act(incident, "close", {}, by=by, as_json=as_json)


def triage(as_json: JsonOption = False) -> None:
    """List alert groups that are no incident yet, and why."""
    found = call("GET", "/alert-groups", params={"state": "triage,proposed"})["items"]
    columns = {
        "GROUP": lambda d: d["id"],
        "STATUS": lambda d: show.state(d["status"]),
        "FIRING": lambda d: str(d["firing"]),
        "RECEIVED": lambda d: str(d["count"]),
        "ALERT": lambda d: d["alerts"][0]["title"] if d["alerts"] else "–",
        "WHY": lambda d: d["explanation"],
    }
    show.table(found, columns, as_json=as_json, empty="No alert below its threshold.")


def declare_group(
    group: Annotated[str, typer.Argument(help="Id from 'hotwash triage'.", metavar="GROUP")],
    title: Annotated[str | None, typer.Option()] = None,
    severity: Annotated[str | None, typer.Option("--severity", "-s")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an incident of an alert group in triage."""
    body = {"title": title, "severity": severity.upper() if severity else None, "by": by}
    _group(group, "declare", body, as_json=as_json)


def decline_group(
    group: Annotated[str, typer.Argument(help="Id from 'hotwash triage'.", metavar="GROUP")],
    reason: Annotated[str, typer.Option("--reason", "-r")],
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that an alert group is no incident."""
    _group(group, "decline", {"reason": reason, "by": by}, as_json=as_json)


def _group(group: str, verb: str, body: dict[str, Any], *, as_json: bool) -> None:
    filled = {name: value for name, value in body.items() if value is not None}
    document = call("POST", f"/alert-groups/{group}/{verb}", body=filled)
    if as_json:
        print_json(document)
        return
    show.facts([("group", document["id"]), ("status", show.state(document["status"])),
                ("incident", document["incident_id"] or ""), ("why", document["explanation"])])  # fmt: skip
    if "alike" in document:
        _print_alike(document["alike"])
