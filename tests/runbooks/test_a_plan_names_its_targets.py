"""`hotwash runbook show -p`: the plan says what will be touched before anybody runs it."""

import pytest

from activities.actions import specs
from domain.errors import Rejected
from runbooks.catalog import Catalog

CATALOG = Catalog([], specs())


def test_given_parameters_resolve_what_reads_them_and_nothing_else():
    """A step that reads another step's output cannot be known beforehand and stays as it is written."""
    planned = CATALOG.plan("roll-back-release", {"target": "shop", "health_url": "http://127.0.0.1/healthz"})
    steps = {step.id: step.parameters for step in planned.steps}
    assert steps["look"] == {"url": "http://127.0.0.1/healthz"}
    assert steps["rollback"] == {"target": "shop"}
    assert "{{ steps.rollback.output.previous }}" in steps["tell"]["text"]


def test_without_parameters_only_defaults_are_filled_in():
    """The plan of a runbook can be read without knowing for what it will be run."""
    steps = {step.id: step.parameters for step in CATALOG.plan("roll-back-release").steps}
    assert steps["rollback"] == {"target": "{{ params.target }}"}
    assert steps["tell"]["channel"] == ""


def test_a_parameter_that_does_not_exist_is_named_with_the_nearest():
    """A typing mistake must not show a plan that looks right."""
    with pytest.raises(Rejected, match="did you mean 'target'"):
        CATALOG.plan("roll-back-release", {"targt": "shop", "health_url": "x"})
