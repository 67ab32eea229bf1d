"""Evaluating expressions. Called by `workflows/rendering.py`: evaluated once, the result is in history.

The renderer (`runbooks.render.render`) comes in through the constructor, so that workflows, which import this module
for its names, do not get a template engine into their sandbox.
"""

from collections.abc import Callable, Mapping
from typing import Any

from temporalio import activity

from activities.errors import translated
from domain.model import Model

Renderer = Callable[[Any, Mapping[str, Any]], Any]


class RenderRequest(Model):
    """A JSON value with expressions, and what they may read."""

    template: Any
    scope: dict[str, Any]


class RenderResult(Model):
    """The value without expressions."""

    value: Any


class RenderActivities:
    """The template engine."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    @activity.defn(name="runbooks.render")
    @translated
    async def render(self, request: RenderRequest) -> RenderResult:
        """Evaluate every expression; pure, so it may be repeated. Rejected when one cannot be evaluated."""
        return RenderResult(value=self._renderer(request.template, request.scope))
