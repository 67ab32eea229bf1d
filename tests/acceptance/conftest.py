"""One house for all promises that can share it; those that take the store or the home apart have their own."""

from collections.abc import AsyncIterator

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
  - {id: rest-1, wait: {duration: 300ms}}
  - id: announce
    action: notify.post
    with: {channel: chat, text: "About to roll {{ params.target }} back"}
  - {id: rest-2, wait: {duration: 300ms}}
  - id: approve
    approval: {covers: [rollback], approvers: [sre], min_approvals: 2, message: May we?}
  - {id: rest-3, wait: {duration: 300ms}}
  - id: rollback
    action: release.rollback
    with: {target: "{{ params.target }}"}
    verify: {action: check.http, with: {url: "{{ params.url }}"}, within: 20s, every: 100ms}
  - {id: rest-4, wait: {duration: 300ms}}
  - id: mail
    action: notify.post
    with: {channel: mail, to: owner@shop.example, text: "{{ params.target }} is back on its last release"}
  - {id: rest-5, wait: {duration: 300ms}}
  - id: confirm
    action: check.http
    with: {url: "{{ params.url }}"}
"""
# The same question for one person, with two seconds to answer it.
HASTY = """
schema_version: 1
name: hasty
title: Roll the shop back at once
owner: sre
parameters:
  target: {}
steps:
  - id: approve
    approval: {covers: [rollback], approvers: [sre], expires_after: 2s}
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Everything runs; a test that kills something brings it back before it ends."""
    async with a_house(tmp_path_factory.mktemp("house"), runbooks=RUNBOOKS) as opened:
        yield opened
