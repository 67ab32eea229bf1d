"""The demo's story, act by act: each act does what people would do and checks what Hotwash made of it.

Called by `cli/demo/command.py`. The one thing to know: nothing here is staged. The shop really breaks, the mails really
arrive at an SMTP server, and every act ends the demo with its name when what it expects does not happen.
"""

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from cli import show
from cli.demo.mailbox import Mail
from cli.demo.world import StageFailed, World

_FINISHED_RUN = ("succeeded", "failed", "stopped")


class Story:
    """One telling."""

    def __init__(self, world: World, console: Console) -> None:
        self._world = world
        self._console = console
        self._began = time.monotonic()
        self._mails_told = 0
        self.stage = "Starting"
        self.incident = ""
        self._run = ""
        self._item = ""

    def tell(self) -> None:
        """All acts in order; StageFailed, with `stage` set, when one does not come true."""
        acts: list[tuple[str, Callable[[], None]]] = [
            ("A good release is running", self._good_release),
            ("A bad release goes out", self._bad_release),
            ("The alert becomes an incident", self._detection),
            ("Somebody has it", self._acknowledgement),
            ("People are told", self._communication),
            ("The rollback needs two people", self._mitigation),
            ("Normal service is back", self._resolution),
            ("The review is held", self._review),
            ("The lesson becomes an action item", self._action_item),
            ("A drill proves it", self._drill),
            ("Closed", self._closing),
        ]
        self._began = time.monotonic()
        for number, (name, act) in enumerate(acts, start=1):
            self.stage = name
            self._console.print(f"\n[bold]{number:>2}  {name}[/]  [dim]{self._clock()}[/]", highlight=False)
            act()
            self._tell_mails()

    def _clock(self) -> str:
        return f"+{time.monotonic() - self._began:.1f} s"

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(f"    {escape(text)}", style=style, highlight=False, soft_wrap=True)

    def _tell_mails(self) -> None:
        mails = self._world.outside.mailbox.mails
        for mail in mails[self._mails_told :]:
            self._say(f"✉ {', '.join(mail.to)}: {mail.subject}", "cyan")
        self._mails_told = len(mails)

    def _mail(self, to: str, words: str) -> Mail:
        """Wait until such a mail has really arrived."""

        def arrived() -> Mail | None:
            mails = self._world.outside.mailbox.mails
            address = f"{to}@shop.example"
            return next((m for m in mails if address in m.to and words.lower() in (m.subject + m.text).lower()), None)

        found: Mail = self._world.until(f"a mail to {to} about {words!r} arrives", 15, arrived)
        return found

    def _see(self) -> dict[str, Any]:
        document: dict[str, Any] = self._world.get(f"/incidents/{self.incident}")
        return document

    # --- the acts ---

    def _good_release(self) -> None:
        world = self._world
        world.until("the shop sells", 10, lambda: world.buy(1)[0] == 200)  # noqa: PLR2004 - HTTP's word for well
        self._say(f"shop {world.shop_url}, Hotwash {world.url}, Temporal's own console {world.engine_ui}")
        self._say("the policy runs in fast motion: review due after 8 s, action item after 60 s (see the demo's yaml)")

    def _bad_release(self) -> None:
        world = self._world
        world.release("v2")
        status, body = world.until("v2 is live and breaks", 10, self._broken_purchase)
        self._say(f"GET /checkout?items=1 → {status} {body}", "red")

    def _broken_purchase(self) -> tuple[int, dict[str, Any]] | None:
        answer = self._world.buy(1)
        return answer if answer[0] == 500 else None  # noqa: PLR2004 - a shop with a bug

    def _detection(self) -> None:
        world = self._world
        group = world.until("the alert is in triage", 20, lambda: self._group("ShopCheckoutErrors"))
        self._say(f"triage: {group['explanation']}")
        group = world.until("an incident is declared", 20, lambda: self._declared(group["id"]))
        self.incident = group["incident_id"]
        incident = self._see()
        self._say(f"{self.incident} {incident['severity']} {incident['title']}", "bold")
        self._say(f"received {group['count']} times, one incident; page: {world.url}/incidents/{self.incident}")

    def _group(self, alert: str) -> dict[str, Any] | None:
        groups = self._world.get("/alert-groups")["items"]
        return next((g for g in groups if g["labels"].get("alertname") == alert), None)

    def _declared(self, group: str) -> dict[str, Any] | None:
        found: dict[str, Any] = self._world.get(f"/alert-groups/{group}")
        return found if found["incident_id"] else None

    def _acknowledgement(self) -> None:
        page = self._mail("alice", self.incident)
        self._say(f"paged after {self._clock()}: {page.subject}")
        incident = self._world.post(f"/incidents/{self.incident}/acknowledge", by="alice")
        if incident["roles"].get("commander") != "alice":
            raise StageFailed("alice acknowledged first but has no command")
        self._say("alice acknowledges and has command; bob is not woken")

    def _communication(self) -> None:
        world, path = self._world, f"/incidents/{self.incident}"
        self._mail("everybody", self.incident)
        world.post(f"{path}/roles", by="alice", role="communications_lead", person="carol")
        world.post(f"{path}/roles", by="carol", role="communications_lead", action="accept")
        self._say("carol accepts the role of communications lead")
        world.post(
            f"{path}/updates",
            by="carol",
            audience="external",
            text="Some customers cannot complete their order. We are going back to the previous version of the shop. "
            "Orders with two or more items work.",
        )
        self._mail("customers", "shop")
        world.until("the update is on the status page", 10, self._is_on_status_page)
        self._say(f"published on {world.url}/status")
        posts = world.until("the signed webhook arrived", 10, lambda: world.outside.mailbox.posts)
        if world.outside.mailbox.refused_posts:
            raise StageFailed("a webhook came with a wrong signature")
        self._say(f"{len(posts)} signed webhook deliveries verified by their receiver")

    def _is_on_status_page(self) -> bool:
        page = self._world.client.get(f"{self._world.url}/status").text
        return "cannot complete their order" in page

    def _mitigation(self) -> None:
        world = self._world
        run = world.post("/runs", by="alice", incident_id=self.incident, runbook="roll-back-shop")
        self._run = run["id"]
        approval = world.until("the run waits for approval", 20, self._pending_approval)
        for step in approval["shown"].get("steps", [approval["shown"]]):
            self._say(f"will run: {step.get('action')} {step.get('with', step)}")
        vote = {"decision": "approve", "digest": approval["digest"]}
        path = f"/approvals/{approval['id']}/decision"
        self._say(f"alice approves → refused: {world.refused(path, by='alice', **vote)}", "yellow")
        world.post(path, by="bob", comment="v1 was fine this morning", **vote)
        self._say("bob approves, 1 of 2")
        world.post(path, by="carol", **vote)
        self._say("carol approves, 2 of 2")
        run = world.until("the run has ended", 30, self._ended_run)
        for step in run["steps"]:
            self._say(f"{step['status']:<10} {step['title'] or step['id']}")
        if run["status"] != "succeeded":
            raise StageFailed(f"the rollback {run['status']}: {run['reason']}")
        self._verify_sales()

    def _pending_approval(self) -> dict[str, Any] | None:
        found = self._world.get("/approvals", state="pending")["items"]
        return next((a for a in found if a["run_id"] == self._run), None)

    def _ended_run(self) -> dict[str, Any] | None:
        run: dict[str, Any] = self._world.get(f"/runs/{self._run}")
        return run if run["status"] in _FINISHED_RUN else None

    def _verify_sales(self) -> None:
        answers = [self._world.buy(items) for items in (1, 2, 3)]
        if any(status != 200 or body["release"] != "v1" for status, body in answers):  # noqa: PLR2004
            raise StageFailed(f"the shop still does not sell: {answers}")
        self._say("real purchases of 1, 2 and 3 items: all good, release v1", "green")

    def _resolution(self) -> None:
        world = self._world
        world.until("the incident is mitigated", 15, lambda: self._see()["mitigated_at"])
        world.until("the alert has cleared", 30, lambda: not self._see()["firing_groups"])
        self._say("mitigated by the run; the alert has cleared")
        summary = "Release v2 broke baskets with one item; going back to v1 ended it."
        world.post(f"/incidents/{self.incident}/resolve", by="alice", summary=summary)
        self._mail("customers", "resolved")
        self._say("closing notices have gone out")

    def _review(self) -> None:
        world, path = self._world, f"/reviews/{self.incident}"
        review = world.until("the review is drafted", 20, self._drafted_review)
        self._say(
            f"draft of {len(review['markdown'].splitlines())} lines, owner {review['owner']}, due {review['due_at']}"
        )
        self._mail(review["owner"], "review")
        for kind, text in (
            ("contributing_factor", "The release check bought two items only, so it could not see the failure."),
            ("contributing_factor", "A new release takes all customers at once."),
            ("helped", "The previous release was still on the machine."),
        ):
            world.post(f"{path}/findings", by=review["owner"], kind=kind, text=text)
        world.post(f"{path}/submit", by=review["owner"])
        self._say(f"own sign-off → refused: {world.refused(f'{path}/sign-off', by=review['owner'])}", "yellow")
        world.post(f"{path}/sign-off", by="dana", comment="Clear, and about the system.")
        self._say(f"dana signs as a manager; again → refused: {world.refused(f'{path}/sign-off', by='dana')}", "yellow")
        world.post(f"{path}/sign-off", by="bob", comment="So it was.")
        world.until("the incident knows that its review is done", 10, self._is_reviewed)
        self._say("signed off by dana and, for the service, by bob")

    def _drafted_review(self) -> dict[str, Any] | None:
        response = self._world.client.get(f"/reviews/{self.incident}")
        review: dict[str, Any] = response.json()
        return review if response.is_success and review["markdown"] and review["revision"] else None

    def _is_reviewed(self) -> bool:
        return self._see()["review_state"] in {"reviewed", "closed"}

    def _action_item(self) -> None:
        world = self._world
        item = world.post(
            "/action-items",
            by="alice",
            incident_id=self.incident,
            title="Buy one item in the release check, and rehearse the shop's restart",
            done_when="The drill 'process-dies' passes against the shop",
            owner="bob",
            requires_drill="process-dies",
        )
        self._item = item["id"]
        self._mail("bob", "action item")
        world.post(f"/action-items/{self._item}/start", by="bob")
        said = world.refused(f"/action-items/{self._item}/done", by="bob", evidence="the release check was changed")
        self._say(f"bob says done → refused: {said}", "yellow")

    def _drill(self) -> None:
        world = self._world
        game_day = world.post("/game-days/process-dies/start", by="dana")
        self._say(f"hypothesis: {game_day['hypothesis']}")
        self._say("the shop's process is killed on purpose; the same alert, page and runbook answer")
        state = world.until("the game day declared a drill", 40, lambda: self._drill_incident(game_day["id"]))
        drill = state["incident_id"]
        world.until("the drill is paged", 15, lambda: self._mail("alice", drill))
        world.post(f"/incidents/{drill}/acknowledge", by="alice")
        done = world.until("the game day has ended", 60, lambda: self._ended_game_day(game_day["id"]))
        self._tell_game_day(done)
        summary = "Drill: the shop's process was killed and started again by the runbook."
        world.post(f"/incidents/{drill}/resolve", by="alice", summary=summary)

    def _tell_game_day(self, done: dict[str, Any]) -> None:
        for fault in done["faults"]:
            if fault["state"] != "undone":
                raise StageFailed(f"the fault {fault['id']} on {fault['target']} is {fault['state']}, not undone")
            self._say(
                f"{fault['id']} on {fault['target']}: {fault['effect_detail']}; undone by the {fault['undone_by']}"
            )
        for each in done["expectations"]:
            seen = show.seconds(each["observed_after_seconds"])
            self._say(
                f"{each['judgement']:<7} {each['expectation']:<10} after {seen}, limit {each['within_seconds']:g} s"
            )
        if done["verdict"] != "passed":
            raise StageFailed(f"the game day {done['verdict']}: {done['reason']}")
        scores = {name: value for name, value in done["scores"].items() if value is not None}
        self._say(", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in scores.items()))
        self._say("passed, and the shop is restored", "green")

    def _drill_incident(self, game_day: str) -> dict[str, Any] | None:
        state: dict[str, Any] = self._world.get(f"/game-days/{game_day}")
        if state["phase"] == "finished" and not state["incident_id"]:
            raise StageFailed(f"the game day {state['verdict']}: {state['reason']}")
        return state if state["incident_id"] else None

    def _ended_game_day(self, game_day: str) -> dict[str, Any] | None:
        state: dict[str, Any] = self._world.get(f"/game-days/{game_day}")
        return state if state["phase"] == "finished" else None

    def _closing(self) -> None:
        world = self._world
        world.until("the drill is in the item's evidence", 10, self._has_drill_evidence)
        item = world.post(f"/action-items/{self._item}/done", by="bob", evidence="The release check buys one item.")
        self._say(f"action item {item['state']}: {'; '.join(each['text'] for each in item['evidence'])}")
        incident = world.post(f"/incidents/{self.incident}/close", by="alice")
        self._say(f"{self.incident} is {incident['status']}", "green")
        timeline = world.until("the record is complete", 10, self._whole_timeline)
        self._console.print("\n[bold]What the incident wrote down[/]")
        for line in sorted(timeline, key=lambda each: (each["at"], each["seq"])):
            show.entry(line)
        mails = world.outside.mailbox.mails
        if len({mail.message_id for mail in mails}) != len(mails):
            raise StageFailed("a mail was delivered twice")
        self._say(f"{len(mails)} mails delivered, none twice")

    def _has_drill_evidence(self) -> bool:
        item = self._world.get(f"/action-items/{self._item}")
        return any(each["kind"] == "drill" for each in item["evidence"])

    def _whole_timeline(self) -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = self._world.get(f"/incidents/{self.incident}/timeline", limit=1000)["items"]
        return items if any("closed" in line["summary"].lower() for line in items) else None
