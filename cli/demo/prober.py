"""The demo's monitoring: buys from the shop all the time and sends what it sees in Alertmanager's own format.

Run as `python prober.py --shop URL --webhook URL --token-file FILE`. Like Alertmanager it repeats a firing group, says
when it is resolved, and tries again when the receiver answers 5xx or nothing.
"""

import argparse
import hashlib
import itertools
import json
import time
import urllib.error
import urllib.request
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Four purchases a second; a rule looks at the last twelve, so it needs three seconds to be sure, as `for: 3s` would.
PROBE_EVERY_SECONDS = 0.25
WINDOW = 12
ERROR_SHARE = 0.2
DOWN_SHARE = 0.7
# Alertmanager's group_interval, shortened: a firing group is repeated this often.
REPEAT_SECONDS = 2.0
NEVER = "0001-01-01T00:00:00Z"


class Rule:
    """One alerting rule and the group it sends."""

    def __init__(self, name: str, severity: str, summary: str, instance: str) -> None:
        self.labels = {
            "alertname": name,
            "service": "shop",
            "severity": severity,
            "instance": instance,
            "drillable": "yes",
        }
        self.annotations = {"summary": summary, "description": f"{name} on {instance}"}
        self.firing_since: datetime | None = None
        self.last_sent = 0.0

    def body(self, status: str, ended: datetime | None) -> dict[str, Any]:
        """The webhook body, version 4."""
        group = {"alertname": self.labels["alertname"], "service": "shop"}
        started = self.firing_since or datetime.now(UTC)
        fingerprint = hashlib.sha256(json.dumps(self.labels, sort_keys=True).encode()).hexdigest()[:16]
        return {
            "version": "4",
            "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
            "truncatedAlerts": 0,
            "status": status,
            "receiver": "hotwash",
            "groupLabels": group,
            "commonLabels": self.labels,
            "commonAnnotations": self.annotations,
            "externalURL": "http://prober.invalid",
            "alerts": [
                {
                    "status": status,
                    "labels": self.labels,
                    "annotations": self.annotations,
                    "startsAt": started.isoformat().replace("+00:00", "Z"),
                    "endsAt": ended.isoformat().replace("+00:00", "Z") if ended else NEVER,
                    "generatorURL": "http://prober.invalid/graph",
                    "fingerprint": fingerprint,
                }
            ],
        }


def buy(shop: str, items: int) -> str:
    """`ok`, `error` (the shop answered, wrongly) or `down` (nobody answered)."""
    try:
        with urllib.request.urlopen(f"{shop}/checkout?items={items}", timeout=1) as answer:  # noqa: S310 - our own shop
            return "ok" if answer.status == 200 else "error"  # noqa: PLR2004 - HTTP's word for well
    except urllib.error.HTTPError:
        return "error"
    except OSError:
        return "down"


def send(webhook: str, token: str, body: dict[str, Any]) -> bool:
    """Post once; False means: try again later, as Alertmanager does for 5xx and a silent receiver."""
    request = urllib.request.Request(  # noqa: S310 - the webhook given on the command line
        webhook,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        print(f"prober: webhook answered {error.code}: {error.read()[:300]!r}", flush=True)
        return error.code < 500  # noqa: PLR2004
    except OSError:
        return False


def tell(rule: Rule, is_firing: bool, webhook: str, token: str) -> None:
    """Send what is due for one rule."""
    now = datetime.now(UTC)
    if is_firing:
        rule.firing_since = rule.firing_since or now
        if time.monotonic() - rule.last_sent >= REPEAT_SECONDS and send(webhook, token, rule.body("firing", None)):
            rule.last_sent = time.monotonic()
    elif rule.firing_since is not None and send(webhook, token, rule.body("resolved", now)):
        rule.firing_since, rule.last_sent = None, 0.0


def run(shop: str, webhook: str, token: str) -> None:
    """Probe for ever."""
    errors = Rule("ShopCheckoutErrors", "high", "Customers cannot check out: the shop answers with errors", shop)
    down = Rule("ShopDown", "critical", "The shop does not answer at all", shop)
    seen: deque[str] = deque(maxlen=WINDOW)
    for items in itertools.cycle((1, 2, 3)):
        seen.append(buy(shop, items))
        if len(seen) == WINDOW:
            tell(down, seen.count("down") / WINDOW >= DOWN_SHARE, webhook, token)
            tell(errors, seen.count("error") / WINDOW >= ERROR_SHARE, webhook, token)
        time.sleep(PROBE_EVERY_SECONDS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shop", required=True)
    parser.add_argument("--webhook", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    options = parser.parse_args()
    run(options.shop, options.webhook, options.token_file.read_text().strip())
