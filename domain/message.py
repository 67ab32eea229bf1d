"""What leaves the house for people: pages, updates, reminders, requests; rendered from a template, then delivered."""

from enum import StrEnum
from typing import Any

from domain.configuration import Destination
from domain.model import Model


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
    ACTION_ITEM_ASSIGNED = "action_item_assigned"
    ACTION_ITEM_REMINDER = "action_item_reminder"
    ACTION_ITEM_OVERDUE = "action_item_overdue"
    GAME_DAY_REPORT = "game_day_report"


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


class DeliveryStatus(StrEnum):
    """What became of one delivery."""

    DELIVERED = "delivered"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NO_ADDRESS = "no_address"


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
