"""What leaves the house for people: pages, updates, reminders, requests; rendered from a template, then delivered."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.configuration import Destination
from domain.model import Model

# What each template may use besides what every one has: `incident` {id, title, severity, status, url}, `organization`,
# `console` (the console's address, may be empty) and `drill`. Only `incident.id` is sure to be filled; every other key
# may be left out by the sender. Times are ISO 8601 texts, shown with the filter `| when`.
#
#   page                          title, severity, reason, level, round, acknowledge_within, text
#   update (per audience)         text, number, first, next_update_by, services, summary, impact, by
#   update_reminder               audience, due_at, last_update_at
#   update_overdue                audience, due_at, last_update_at, late_by, level (late, escalated, still_silent), lead
#   closing (per audience)        text, outcome, services, duration, by
#   approval_request              approval {id, message, shown, digest, min_approvals, expires_at}, run, step, text
#   manual_step                   step, run, text
#   role_offer                    role, by, reason
#   review_assigned / _reminder / _overdue / _invited  review {id, title, owner, state}, due_at, level, reason, text
#   review_meeting                as those, and meeting {at, until, cancelled}
#   action_item_assigned / _reminder / _overdue   item {id, title, owner, priority, done_when}, due_at, level, reason
#   game_day_announcement         game_day {title, hypothesis, environment, faults [{id, target, title}]}, text
#   operations_review             title, week, headlines, markdown
#   insights                      title, headlines, markdown
#   game_day_report               game_day {id, name, title, verdict, reason, expectations}, text
#   tabletop_inject               title, sender, text, question
#
# tests/activities/test_templates.py renders each of them with the shapes that the workflows really send.


class Template(StrEnum):
    """The message templates: `<name>.txt` in the templates folder, `<name>.<variant>.txt` for updates."""

    PAGE = "page"
    UPDATE = "update"
    UPDATE_REMINDER = "update_reminder"
    UPDATE_OVERDUE = "update_overdue"
    CLOSING = "closing"
    APPROVAL_REQUEST = "approval_request"
    MANUAL_STEP = "manual_step"
    ROLE_OFFER = "role_offer"
    REVIEW_ASSIGNED = "review_assigned"
    REVIEW_REMINDER = "review_reminder"
    REVIEW_OVERDUE = "review_overdue"
    REVIEW_INVITED = "review_invited"
    REVIEW_MEETING = "review_meeting"
    ACTION_ITEM_ASSIGNED = "action_item_assigned"
    ACTION_ITEM_REMINDER = "action_item_reminder"
    ACTION_ITEM_OVERDUE = "action_item_overdue"
    GAME_DAY_REPORT = "game_day_report"
    GAME_DAY_ANNOUNCEMENT = "game_day_announcement"
    OPERATIONS_REVIEW = "operations_review"
    INSIGHTS = "insights"
    TABLETOP_INJECT = "tabletop_inject"


class Invitation(Model):
    """An appointment for the calendars of those who are told; a mail carries it as iCalendar (RFC 5545, RFC 5546)."""

    # The same for each date of one appointment, so that a calendar moves it and does not add another.
    uid: str
    # Rises with each date.
    sequence: int
    title: str
    starts_at: datetime
    ends_at: datetime
    cancelled: bool = False


class Message(Model):
    """One message to some people or to the destinations of an audience. `key` makes its delivery effectively once."""

    # Workflow id, what it is about, a counter; never a run id or an attempt. One ledger entry per key and address.
    key: str
    template: Template
    # Chooses `<template>.<variant>.txt` when there is one: the audience of an update.
    variant: str | None = None
    # What the template may use. Plain JSON; texts are inserted as they are, never evaluated.
    context: dict[str, Any]
    # People of `hotwash.yaml`, told over the page channels.
    people: tuple[str, ...] = ()
    # Or fixed destinations.
    destinations: tuple[Destination, ...] = ()
    incident_id: str | None = None
    drill: bool = False
    invitation: Invitation | None = None


class DeliveryStatus(StrEnum):
    """What became of one delivery."""

    DELIVERED = "delivered"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NO_ADDRESS = "no_address"
    # Not sent on purpose: a drill is never told to customers or executives.
    WITHHELD = "withheld"


class Delivery(Model):
    """One message over one channel to one address."""

    channel: str
    # A person's id, or the address itself.
    to: str
    status: DeliveryStatus
    detail: str = ""


class MessageReceipt(Model):
    """What became of a message."""

    subject: str
    text: str
    deliveries: tuple[Delivery, ...] = ()


class CourierState(Model):
    """Messages that a workflow has not got delivered yet; carried over continue-as-new."""

    pending: tuple[Message, ...] = ()
