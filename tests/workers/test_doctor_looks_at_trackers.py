"""`hotwash doctor` asks each tracker: reachable, token taken, project there; each failure with how to mend it."""

import pytest

from tests.support.trackers.world import SERVERS, Fixed
from workers.tracker_diagnosis import look_at_trackers


@pytest.mark.parametrize("kind", sorted(SERVERS))
async def test_a_tracker_that_is_well_is_said_to_be(kind: str) -> None:
    """Nothing is created or changed by asking."""
    with SERVERS[kind]() as server:
        fixed = Fixed(server)
        (found,) = await look_at_trackers(fixed, fixed)
        team = "issues answers and takes the token; whether it has the team shows with an issue"
        said = team if kind == "linear" else "issues answers, takes the token and has the project"
        assert (found.detail, found.mend) == (said, "")
        assert server.creations == 0


@pytest.mark.parametrize("kind", sorted(SERVERS))
async def test_a_wrong_token_is_named_with_its_place(kind: str) -> None:
    """The sentence says where the token is kept, and not what it is."""
    with SERVERS[kind]() as server:
        fixed = Fixed(server)
        fixed.secrets["env:TOKEN"] = "not-the-token"
        (found,) = await look_at_trackers(fixed, fixed)
        assert found.mend == "make a new token and put it where the token of trackers.issues in hotwash.yaml says"
        assert "not-the-token" not in found.detail


@pytest.mark.parametrize("kind", sorted(SERVERS))
async def test_a_tracker_that_is_away_is_a_problem(kind: str) -> None:
    """Nobody listens at its address any more."""
    with SERVERS[kind]() as server:
        fixed = Fixed(server)
    (found,) = await look_at_trackers(fixed, fixed)
    assert found.mend == "mend the address of trackers.issues in hotwash.yaml, or wait until it is back"


async def test_a_repository_that_is_not_there_is_named() -> None:
    """GitHub says 404 to everybody who may not see it."""
    with SERVERS["github"]() as server:
        fixed = Fixed(server)
        elsewhere = fixed.configuration.trackers["issues"].model_copy(update={"repository": "acme/nowhere"})
        fixed.configuration = fixed.configuration.model_copy(update={"trackers": {"issues": elsewhere}})
        (found,) = await look_at_trackers(fixed, fixed)
    assert found.mend.startswith("mend the project (repository, key or team) of trackers.issues")
