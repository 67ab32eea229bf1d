"""`hotwash reviews add-finding --change-kind`: what sort of change it was, and what recurs because of it."""

import json

import pytest

from tests.support.api_world import World
from tests.support.command_line import hotwash

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_kind_of_change_reaches_the_finding_and_the_count(world: World) -> None:
    """In small letters; refused for any other factor; two incidents with the same kind recur."""
    ids = []
    for number in (1, 2):
        declared = await world.declare(f"Flag flipped {number}", severity="SEV-3", services=["search"])
        ids.append(str(declared["id"]))
        for verb in ("acknowledge", "resolve"):
            answer = await world.admin.post(f"/api/v1/incidents/{ids[-1]}/{verb}", json={"by": "ana"})
            assert answer.is_success, answer.text
        await world.until_recorded(f"/api/v1/reviews/{ids[-1]}", lambda review: review["due_at"])
        said = ("A flag was switched on for everybody", "--factor", "change", "--change-kind", "Feature Flag")
        code, out = await hotwash(world, "reviews", "add-finding", ids[-1], *said, "--by", "ana", "--json")
        assert code == 0, out
        (finding,) = json.loads(out)["findings"]
        assert (finding["kind"], finding["factor"], finding["change_kind"]) == (
            "contributing_factor", "change", "feature flag",
        )  # fmt: skip
    wrong = ("It was full", "--factor", "capacity", "--change-kind", "flag", "--by", "ana")
    code, out = await hotwash(world, "reviews", "add-finding", ids[0], *wrong)
    assert (code, "only the factor 'change' has a kind of change" in " ".join(out.split())) == (1, True)

    def recurs(insight: dict[str, object]) -> bool:
        return "feature flag" in json.dumps(insight["tables"])

    await world.until_recorded("/api/v1/insights/recurrence", recurs)
    code, out = await hotwash(world, "insights", "recurrence", "--json")
    assert code == 0, out
    rows = [row for table in json.loads(out)["tables"] for row in table["rows"] if row["name"] == "feature flag"]
    assert [row["numbers"][0]["value"] for row in rows] == [2]
