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
        assert (found.detail, found.mend) == ("issues answers, takes the token and has the project", "")
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
