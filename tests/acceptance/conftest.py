"""One house for all promises that can share it; those that take the store or the home apart have their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.house import House, a_house

# Looks, tells the chat, asks two people, moves the shop back, tells its owner, looks again. Between any two steps it
# rests, so that whoever watches from outside sees each boundary.
ROLL_BACK = """
schema_version: 1
name: roll-back
title: Roll the shop back
owner: sre
mitigates: true
parameters:
  target: {}
  url: {}
steps:
  - id: look
    action: check.http
    with: {url: "{{ params.url }}"}
  - {id: rest-1, wait: {duration: 2s}}
  - id: announce
    action: notify.post
    with: {channel: chat, text: "About to roll {{ params.target }} back"}
  - {id: rest-2, wait: {duration: 2s}}
  - id: approve
    approval: {covers: [rollback], approvers: [sre], min_approvals: 2, message: May we?}
  - {id: rest-3, wait: {duration: 2s}}
  - id: rollback
    action: release.rollback
    with: {target: "{{ params.target }}"}
    verify: {action: check.http, with: {url: "{{ params.url }}"}, within: 20s, every: 100ms}
  - {id: rest-4, wait: {duration: 2s}}
  - id: mail
    action: notify.post
    with: {channel: mail, to: owner@shop.example, text: "{{ params.target }} is back on its last release"}
  - {id: rest-5, wait: {duration: 2s}}
  - id: confirm
    action: check.http
    with: {url: "{{ params.url }}"}
"""
# The same question for one person, with ten seconds to answer it.
HASTY = """
schema_version: 1
name: hasty
title: Roll the shop back at once
owner: sre
parameters:
  target: {}
steps:
  - id: approve
    approval: {covers: [rollback], approvers: [sre], expires_after: 10s}
  - id: rollback
    action: release.rollback
    with: {target: "{{ params.target }}"}
"""
# Says what an alert says.
REPEAT = """
schema_version: 1
name: repeat
title: Repeat a word
owner: sre
parameters:
  word: {}
steps:
  - id: say
    action: notify.post
    with: {channel: chat, text: "The alert says: {{ params.word }}"}
"""
RUNBOOKS = {"roll-back": ROLL_BACK, "hasty": HASTY, "repeat": REPEAT}


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The start of a house counts for the test that comes first, and three Pythons may take long on a busy machine."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all tests of the session."""
    async with a_house(tmp_path_factory.mktemp("house"), runbooks=RUNBOOKS) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def house(shared_house: House) -> AsyncIterator[House]:
    """Everything runs, and again after the test, wherever it has ended."""
    yield shared_house
    shared_house.harm_nobody()
    await shared_house.world.mend()
