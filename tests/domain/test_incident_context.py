"""What is pinned into an incident from `hotwash.yaml` at declaration."""

from domain.configuration import Configuration
from domain.incident_context import incident_context

CONFIGURATION = Configuration.model_validate(
    {
        "people": {
            "ada": {"name": "Ada", "groups": ["sre"], "manager": "cy"},
            "bo": {"name": "Bo", "groups": ["sre", "dba"]},
            "cy": {"name": "Cy"},
            "di": {"name": "Di"},
        },
        "teams": {"web": {"name": "Web", "members": ["ada", "bo", "di"], "manager": "di"}},
        "on_call": {"web": {"levels": [{"people": ["ada"]}]}},
        "services": {
            "shop": {"name": "Shop", "team": "web", "on_call": "web", "public": True, "public_name": "Our shop"},
            "blog": {"name": "Blog", "public": True},
            "queue": {"name": "Queue"},
        },
    }
)


def test_the_service_brings_its_on_call_and_its_manager():
    """The first service that says something speaks for all."""
    context = incident_context(CONFIGURATION, ("queue", "shop"))
    assert context.on_call == CONFIGURATION.on_call["web"]
    assert context.team_manager == "di"


def test_an_incident_of_no_known_service_pages_nobody_but_knows_everybody():
    """Unknown services are no error: an alert must not be lost over a name."""
    context = incident_context(CONFIGURATION, ("nope",))
    assert (context.on_call, context.team_manager) == (None, None)
    assert context.people == ("ada", "bo", "cy", "di")


def test_a_persons_own_manager_comes_before_the_teams():
    """And nobody is their own manager."""
    assert incident_context(CONFIGURATION, ()).managers == {"ada": "cy", "bo": "di"}


def test_groups_and_public_names():
    """Approver groups by member; only public services have a name for the public."""
    context = incident_context(CONFIGURATION, ())
    assert context.groups == {"sre": ("ada", "bo"), "dba": ("bo",)}
    assert context.public_services == {"shop": "Our shop", "blog": "Blog"}
