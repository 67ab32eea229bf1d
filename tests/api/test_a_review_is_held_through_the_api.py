"""From a near miss to a closed incident: views, factors, lint, versions, files, sign-off; and what is refused."""

import httpx
import pytest

from runtime.perspective_links import LINK_LIFE, PerspectiveLinks
from tests.support.api_world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEAR_MISS = {"severity": "SEV-5", "near_miss": True, "services": ["checkout"]}


async def _resolved(world: World, **fields: object) -> str:
    """A resolved incident of ana whose review is drafted."""
    id_ = str((await world.declare(**fields))["id"])
    for verb in ("acknowledge", "resolve"):
        answer = await world.admin.post(f"/api/v1/incidents/{id_}/{verb}", json={"by": "ana"})
        assert answer.status_code == 200, answer.text
    await world.until_recorded(f"/api/v1/reviews/{id_}", lambda review: review["revision"] and review["due_at"])
    return id_


async def _post(world: World, path: str, expected: int = 200, **body: object) -> dict[str, object]:
    answer = await world.admin.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == expected, answer.text
    document: dict[str, object] = answer.json()
    return document


async def test_a_near_miss_takes_the_whole_path(world: World) -> None:
    """A SEV-5 that hurt nobody is reviewed; its incident cannot be closed before, and can be afterwards."""
    id_ = await _resolved(world, **NEAR_MISS)
    refused = await _post(world, f"incidents/{id_}/close", 409, by="ana")
    assert "its review is draft" in str(refused["detail"])
    refused = await _post(world, f"reviews/{id_}/submit", 409, by="ana")
    assert "has at least 2" in str(refused["detail"])
    for factor, text in (("detection", "the lag is summed up"), ("change", "one key for all tenants")):
        await _post(world, f"reviews/{id_}/findings", kind="contributing_factor", factor=factor, text=text, by="ana")
    assert (await _post(world, f"reviews/{id_}/submit", by="ana"))["state"] == "in_review"
    assert "owns this review" in str((await _post(world, f"reviews/{id_}/sign-off", 403, by="ana"))["detail"])
    assert (await _post(world, f"reviews/{id_}/sign-off", by="cleo"))["state"] == "reviewed"
    await world.until_recorded(f"/api/v1/incidents/{id_}", lambda incident: incident["review_state"] == "reviewed")
    assert (await _post(world, f"incidents/{id_}/close", by="ana"))["status"] == "closed"
    assert (await _post(world, f"reviews/{id_}/close", by="ana"))["state"] == "closed"


async def test_a_review_begins_when_the_impact_is_over(world: World) -> None:
    """Mitigated, the review is there without a deadline; resolved, it has one."""
    id_ = str((await world.declare())["id"])
    await _post(world, f"incidents/{id_}/acknowledge", by="ana")
    await _post(world, f"incidents/{id_}/status", status="monitoring", reason="rolled back", by="ana")
    review = await world.until_recorded(f"/api/v1/reviews/{id_}")
    assert (review["owner"], review["due_at"]) == ("ana", None)
    await _post(world, f"incidents/{id_}/resolve", by="ana")
    await world.until_recorded(f"/api/v1/reviews/{id_}", lambda found: found["due_at"])


async def test_a_link_lets_its_holder_answer_and_nothing_else(world: World) -> None:
    """Without a login, in one name, for one review, until it expires; the answers stand side by side on the page."""
    id_ = await _resolved(world)
    links = PerspectiveLinks(world.app.state.secret_key)
    token, _ = links.issue(id_, "ben")
    async with httpx.AsyncClient(base_url=world.url, timeout=30) as nobody:
        page = await nobody.get(f"/perspectives/{token}")
        assert page.status_code == 200
        assert "You answer as <strong>ben</strong>" in page.text
        sent = await nobody.post(
            f"/perspectives/{token}", data={"saw": "a <b>green</b> dashboard", "hard": "the pager"}
        )
        assert sent.status_code == 303
        empty = await nobody.post(f"/perspectives/{token}", data={"saw": " "})
        assert (empty.status_code, "say at least one of" in empty.text) == (409, True)
        assert (await nobody.get("/api/v1/reviews", headers={"Authorization": f"Bearer {token}"})).status_code == 401
        expired = PerspectiveLinks(world.app.state.secret_key, clock=lambda: -LINK_LIFE.total_seconds())
        for bad in (expired.issue(id_, "ben")[0], token[:-3] + "abc", "x"):
            assert (await nobody.get(f"/perspectives/{bad}")).status_code == 401
            assert (await nobody.post(f"/perspectives/{bad}", data={"saw": "x"})).status_code == 401
    review = (await world.admin.get(f"/api/v1/reviews/{id_}")).json()
    assert [(each["name"], each["saw"]) for each in review["perspectives"]] == [("ben", "a <b>green</b> dashboard")]
    shown = await world.admin.get(f"/reviews/{id_}")
    assert "a &lt;b&gt;green&lt;/b&gt; dashboard" in shown.text


async def test_text_is_linted_versioned_and_exported(world: World) -> None:
    """The findings have places; a new fact comes into an edited text; versions differ; each format is a file."""
    id_ = await _resolved(world)
    path = f"/api/v1/reviews/{id_}"
    review = (await world.admin.get(path)).json()
    text = review["markdown"] + "\n## In short\n\nBen failed to check the lag.\n"
    edited = await _post(world, f"reviews/{id_}/edit", markdown=text, revision=review["revision"], by="ana")
    shown = await world.admin.get(f"/reviews/{id_}", headers={"Accept": "text/html"})
    assert "blanks are left" in shown.text
    assert "<li>Lessons</li>" in shown.text
    found = (await world.admin.get(f"{path}/lint")).json()["items"]
    assert [(each["rule"], each["level"]) for each in found] == [("counterfactual", "error")]
    await _post(world, f"reviews/{id_}/findings", kind="helped", text="the switch was at hand", by="ana")
    later = await world.until_recorded(path, lambda each: "the switch was at hand" in each["markdown"])
    assert "Ben failed to check the lag." in later["markdown"]
    known = await world.until_recorded(
        f"{path}/revisions", lambda each: each["items"] and each["items"][-1]["revision"] == later["revision"]
    )
    assert len(known["items"]) == later["revision"]
    diff = await world.admin.get(f"{path}/diff", params={"from": edited["revision"]})
    assert "+- the switch was at hand" in diff.text
    missing = await world.admin.get(f"{path}/diff", params={"from": 999})
    assert (missing.status_code, "has no revision 999" in missing.json()["detail"]) == (404, True)
    starts = {"markdown": b"# Review", "html": b"<!doctype html>", "pdf": b"%PDF-", "json": b"{"}
    for form, start in starts.items():
        file = await world.admin.get(f"{path}/export", params={"format": form})
        assert file.status_code == 200
        assert file.content.startswith(start)
        assert f"review-{id_}" in file.headers["Content-Disposition"]


async def test_a_facilitator_gets_a_guide(world: World) -> None:
    """Nobody who was in it; the guide has a question for what each one did, the calibration document asks."""
    id_ = await _resolved(world)
    await world.until_recorded(f"/api/v1/incidents/{id_}/timeline", lambda found: "resolved" in str(found))
    # The first draft may be older than the record; a finding renews it.
    await _post(world, f"reviews/{id_}/findings", kind="helped", text="the switch", by="ana")
    await world.until_recorded(f"/api/v1/reviews/{id_}", lambda review: review["participants"])
    refused = await _post(world, f"reviews/{id_}/facilitator", 409, facilitator="ana", by="ben")
    assert "the facilitator is neutral" in str(refused["detail"])
    assert (await _post(world, f"reviews/{id_}/facilitator", facilitator="cleo", by="ana"))["facilitator"] == "cleo"
    guide = (await world.admin.get(f"/api/v1/reviews/{id_}/guide")).text
    assert "## ana (commander)" in guide
    assert "Which options did you see?" in guide
    assert "This is no result." in (await world.admin.get(f"/api/v1/reviews/{id_}/calibration")).text
    factors = (await world.admin.get("/api/v1/reviews/factors")).json()["items"]
    assert {"name": "detection"}.items() <= factors[0].items()


@pytest.mark.parametrize("page", ["", "/changes", "/guide", "/calibration"])
async def test_the_pages_of_a_review_open(world: World, page: str) -> None:
    """Each answers with a page."""
    id_ = await _resolved(world)
    await world.until_recorded(f"/api/v1/reviews/{id_}/revisions", lambda each: each["items"])
    answer = await world.admin.get(f"/reviews/{id_}{page}", headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    assert "<main" in answer.text
