"""The scenarios that come along, each played to its end as a good commander would, on the real engine.

The one thing to know: only what a game master judges stays open, for nobody else can say it; everything that is
measured on the incident can be met, at the times that the scenario gives.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from workers.training import __file__ as training

SCENARIOS = Path(training).resolve().parents[1] / "runbooks" / "training"
PLAYED: dict[str, str] = {
    "bad-release-confusing-clues": """\
take
severity SEV-2 customers cannot pay
update external "Some payments fail. We look into it." next 20m
offer communications_lead sam "you write well"
update internal "4 percent of checkouts fail, cause unknown." next 30m
update external "Card payments fail before they reach the bank; nobody is charged twice." next 20m
wait 2m
reject "a failover is hard to take back, and connections may only be retries"
task bob 8m "find what change came before the errors"
wait 4m
decide "roll back the release" because "it fits the time and is the cheapest to take back"
status mitigating rolling back now
task bob 8m "roll back to the release before"
wait 3m
update external "We have found a likely cause and take it back." next 20m
update internal "Rolling back to the release before." next 30m
status monitoring errors fall
task bob 8m "look at the orders of that time"
update external "Errors fall, we keep watching." next 20m
wait 3m
next
wait 3m
update internal "312 orders to be replayed, error rate is normal." next 30m
update external "Payments work again; some orders are still being recorded." next 20m
resolve "error rate is back to normal and confirmed; 312 orders are replayed tonight, no data was lost"
end
""",
    "data-loss-scare-after-hours": """\
take
severity SEV-2 unknown is treated as the higher
update external "Some orders are not shown. We look into it." next 20m
task dana 10m "count what is missing, read only"
update internal "Orders may be missing, we count." next 30m
wait 10m
severity SEV-1 1407 orders are gone
update internal "The count: 1407 orders." next 40m
decide "stop the job and the replay" because "both can be taken back, and each write makes it worse"
task dana 10m "stop the replay of the replica"
update external "Orders of this afternoon are missing; nothing more is being lost." next 20m
wait 10m
update external "We prepare the way back." next 20m
wait 5m
reject "not now: on a copy first, nothing gets worse any more"
task bob 15m "try it on a copy"
update internal "Nothing is written to the primary; tried on a copy first." next 30m
wait 15m
update external "The way back is being tried on a copy." next 20m
wait 6m
update executive "Orders are missing, not stolen as far as is known; legal answers." next 60m
task sam 15m "get legal on the line"
update internal "Legal is being asked." next 30m
wait 7m
update external "Still trying it on a copy; nothing more is lost." next 20m
wait 18m
update external "The copy is being compared row by row." next 20m
update internal "Comparing, row by row." next 30m
wait 17m
update external "The copy agrees but for three rows; we look at them." next 20m
update internal "Three rows differ." next 30m
wait 16m
update external "Two of the three rows are explained." next 20m
note "Condition: stopped. Under way: the copy. Open: three rows. Next update in twenty minutes."
hand-over carla "I have said the same sentence twice"
wait 2m
update external "We go on with fresh people." next 20m
update internal "Carla is commander now." next 30m
next
next
next
update external "All orders are back where they belong." next 20m
resolve "restored and confirmed by checksums; all 1,407 orders are back, no data was lost"
end
""",
    "third-party-outage-executive-swoop": """\
take
severity SEV-1 nobody can pay
update external "Payments fail at our provider. We are at it." next 20m
offer communications_lead sam "you write well"
update internal "All calls to the provider time out." next 30m
next
task bob 15m "own the provider, prove it from outside"
wait 6m
update executive "Sam tells you every quarter of an hour; I keep command." next 40m
decide "nothing is restarted" because "our side is well and a restart would cost minutes"
wait 5m
update external "Still failing; we have proof and have sent it to the provider." next 20m
wait 1m
decide "on account for 5 percent" because "it can be taken back with the flag, and finance listens"
task bob 8m "put the flag on for 5 percent"
wait 8m
update external "Some customers may order on account meanwhile." next 20m
update internal "Flag is on for 5 percent." next 30m
wait 15m
update external "Nothing new from the provider; ordering on account goes on." next 20m
wait 8m
update executive "The provider answers again." next 60m
status monitoring the provider answers again
update internal "Success rate 99 percent; the queue is drained in small steps." next 30m
task dana 10m "drain the queue in small steps"
update external "Payments go through again, we keep watching." next 20m
wait 12m
resolve "recovery confirmed for ten minutes; all orders are charged once, no data was lost"
end
""",
}


def test_each_scenario_has_its_play() -> None:
    """A new scenario is played before it comes along."""
    assert {file.stem for file in SCENARIOS.glob("*.yaml")} == set(PLAYED)


@pytest.mark.parametrize("name", PLAYED)
def test_it_is_played_to_its_end(name: str, tmp_path: Path) -> None:
    """Every inject is heard in its order, nothing is refused, everything measured is met, and it passes."""
    answers = tmp_path / "answers.txt"
    answers.write_text(PLAYED[name])
    result = CliRunner().invoke(app, ["train", name, "--answers", str(answers), "--json", "--pass-at", "80"])
    assert result.exit_code == 0, result.output
    played: dict[str, Any] = json.loads(result.stdout)
    script = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())
    heard = [each for each in played["transcript"] if each["who"] in _senders(script)]
    assert [each["who"] for each in heard] == [each["from"] for each in script["injects"]]
    # The play's clock skips, but what is done between two of its minutes takes real time.
    minutes = [float(each["at"].removesuffix("m")) for each in script["injects"]]
    assert [each["minute"] for each in heard] == pytest.approx(minutes, abs=0.5)
    assert played["refused"] == []
    wanted = {
        f"{inject['id']}/{number}": "not_judged" if each["expect"] == "judged" else "met"
        for inject in script["injects"]
        for number, each in enumerate(inject["expected"], 1)
    }
    assert {each["key"]: each["state"] for each in played["expected"]} == wanted
    assert played["verdict"] == "passed"


def _senders(script: dict[str, Any]) -> set[str]:
    """As injects name them; a responder answers by the name alone."""
    return {each["from"] for each in script["injects"]}
