"""What strangers send is refused with a sentence or shown as text; it is never run, and no trace leaves the process."""

import json
import subprocess
import sys

import httpx
import pytest

from tests.support.house import House, alert
from tests.support.world import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEMPLATE = "{{ ''.__class__ }}"
SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"{TEMPLATE} {SCRIPT} $(reboot) [x](javascript:alert(1))"


async def test_hostile_annotations_are_text_everywhere(house: House) -> None:
    """On every page, in mail and post, in a runbook's parameter and in the review: as it was written, and inert."""
    group = await house.send(
        "Hostile",
        labels={"kind": "hostile", "word": HOSTILE},
        annotations={"summary": HOSTILE, "description": HOSTILE, "runbook_url": "javascript:alert(1)"},
        generatorURL="javascript:alert(1)",
    )
    incident = await house.incident_of(group)
    await house.told(incident, "Internal update 1: delivered")
    await house.until(lambda: house.posts(incident, None), "the post of the runbook")
    assert house.posts(incident, None)[0]["text"] == f"The alert says: {HOSTILE}"
    (page,) = await _until_mails(house, f"page/{incident}")
    (notice,) = await _until_mails(house, f"comms/{incident}")
    for mail in (page, notice):
        assert TEMPLATE in mail.get_content()
        assert mail.get_content_type() == "text/plain"
    await house.world.post(f"/incidents/{incident}/resolve", {"by": "bob", "summary": HOSTILE})
    review = await house.eventually(
        lambda: house.look(f"/reviews/{incident}"), lambda it: it and it["markdown"], "the review's draft"
    )
    assert SCRIPT not in review["markdown"]
    await house.told(incident, "resolved")
    for path in ("/", "/incidents", f"/incidents/{incident}", f"/reviews/{incident}", f"/triage/{group}", "/status"):
        shown = await house.world.http.get(path, headers={"Accept": "text/html"})
        assert shown.status_code == 200, f"{path}: {shown.text}"
        assert "<script>alert" not in shown.text, path
        assert 'href="javascript:' not in shown.text, path
        assert "&lt;class" not in shown.text, path
        if path not in {"/", "/status"}:
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text, path
    # What people are told in the open never holds an alert's words.
    assert "__class__" not in (await house.world.http.get("/status")).text
    everything = [post["text"] for post in house.chat.accepted] + house.mailbox.texts()
    assert not any("<class 'str'>" in text or "Traceback" in text for text in everything)


async def test_bodies_that_are_not_alertmanagers_are_refused(house: House) -> None:
    """Not JSON, other JSON, too long: 400 or 413 with a sentence as a problem document."""
    large = json.dumps({"version": "4", "alerts": [], "filler": "x" * (5 * 1024 * 1024)}).encode()
    for content, status, words in (
        (b"", 400, "JSON"),
        (b"<xml/>", 400, "JSON"),
        (b'{"version": "4"', 400, "JSON"),
        (b"\xff\xfe\x00", 400, ""),
        (b"[" * 100_000, 400, ""),
        (b"[]", 400, "object"),
        (b'{"hello": "world"}', 400, "alerts is missing"),
        (b'{"alerts": {}}', 400, "alerts"),
        (b'{"alerts": [1]}', 400, "alerts[0]"),
        (b'{"alerts": [{"labels": {"a": []}}]}', 400, "alerts[0].labels.a"),
        (large, 413, "MiB"),
    ):
        answer = await _post(house, content)
        assert _is_refusal(answer, status, words), f"{content[:30]!r}: {answer.status_code} {answer.text}"


async def test_ten_thousand_alerts_are_one_group(house: House) -> None:
    """All are taken in one answer; the group counts them, and a person decides."""
    alerts = [
        alert(f"Many {number}", labels={"kind": "held"}, fingerprint=f"{number:016x}") for number in range(10_000)
    ]
    body = {"version": "4", "status": "firing", "groupLabels": {"kind": "held"}, "alerts": alerts}
    answer = await _post(house, json.dumps(body, separators=(",", ":")).encode())
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 10_000
    (group,) = answer.json()["groups"]
    seen = await house.eventually(
        lambda: house.look(f"/alert-groups/{group}"), lambda it: it and it["firing"] == 10_000, "all of them"
    )
    assert (seen["status"], seen["incident_id"], seen["count"]) == ("proposed", None, 10_000)
    page = await house.world.http.get(f"/triage/{group}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "10000" in page.text or "10,000" in page.text


async def test_unknown_things_and_people_are_named(house: House) -> None:
    """An unknown incident is 404, an unknown person 422, an unknown verb 404 or 405: each with a sentence."""
    incident = await house.declared("Asked by strangers")
    http = house.world.http
    path = f"/api/v1/incidents/{incident}"
    update = {"audience": "internal", "text": "x"}
    for answer, status, words in (
        (await http.get("/api/v1/incidents/inc-20261122-none"), 404, "inc-20261122-none"),
        (await http.get("/api/v1/incidents/..%2f..%2fetc%2fpasswd"), 404, ""),
        (await http.post("/api/v1/incidents/inc-20261122-none/updates", json=update | {"by": "bob"}), 404, "none"),
        (await http.post(f"{path}/updates", json=update | {"by": "mallory"}), 422, "mallory"),
        (
            await http.post(f"{path}/roles", json={"role": "commander", "person": "mallory", "by": "bob"}),
            422,
            "mallory",
        ),
        (await http.post(f"{path}/explode", json={}), 404, ""),
        (await http.post(f"{path}/severity", json={"severity": "SEV-9", "by": "bob", "reason": "x"}), 422, "SEV-1"),
    ):
        assert _is_refusal(answer, status, words), f"{answer.request.url}: {answer.status_code} {answer.text}"
    assert len(house.mails(f"comms/{incident}")) <= 1


async def test_a_runbook_with_a_typo_is_refused_with_its_line(house: House) -> None:
    """The API and the command line name file, line, column and the key that was meant; nothing is started."""
    text = "schema_version: 1\nname: typo\ntitle: Typo\nowner: sre\nsteps:\n  - id: act\n    acton: noop\n"
    file = house.world.home.runbooks / "typo.yaml"
    file.write_text(text)
    incident = await house.declared("A runbook with a typo")
    body = {"incident_id": incident, "runbook": "typo", "by": "bob"}
    answer = await house.world.http.post("/api/v1/runs", json=body)
    assert _is_refusal(answer, 422, "typo.yaml:7:5"), answer.text
    assert "did you mean 'action'?" in answer.json()["detail"]
    assert (await house.world.get(f"/incidents/{incident}"))["runs"] == []
    linted = subprocess.run(  # noqa: ASYNC221 - the house goes on without this test
        [sys.executable, "-m", "cli.main", "runbook", "lint", str(file)],
        cwd=ROOT, env=house.world.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert linted.returncode == 1
    assert ":7:5" in linted.stdout + linted.stderr
    assert "Traceback" not in linted.stdout + linted.stderr
    file.unlink()


async def _post(house: House, content: bytes) -> httpx.Response:
    secret = (house.world.home.secrets / "alertmanager").read_text().strip()
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return await house.world.http.post("/webhooks/alertmanager", content=content, headers=headers)


async def _until_mails(house: House, about: str) -> list:
    await house.until(lambda: house.mails(about), f"a mail of {about}")
    return house.mails(about)


def _is_refusal(answer: httpx.Response, status: int, words: str) -> bool:
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and words in answer.json()["detail"]
        and "Traceback" not in answer.text
    )
