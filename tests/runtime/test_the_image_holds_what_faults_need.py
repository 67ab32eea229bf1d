"""Dockerfile and docker-compose.yml, read and not run: there is no Docker where Hotwash is built."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# Where Debian has the programs that faults look for; those of `python:3.11-slim` need no package.
PACKAGE_OF = {"nft": "nftables", "tc": "iproute2", "stress-ng": "stress-ng", "openssl": "openssl"}
IN_THE_IMAGE = {"unshare"}


def wanted() -> set[str]:
    """The programs that the faults of a machine look for before they do anything."""
    found = set()
    for file in (ROOT / "activities" / "actions").glob("*.py"):
        text = file.read_text()
        names = dict(re.findall(r'^(_[A-Z]+) = "([a-z-]+)"$', text, re.MULTILINE))
        for quoted, name in re.findall(r'\.program\((?:"([a-z-]+)"|([_A-Z]+))\)', text):
            found.add(quoted or names[name])
    return found


def compose() -> dict[str, Any]:
    """The services, with anchors put in."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


def test_the_image_has_the_programs_of_all_faults() -> None:
    """A fault that looks for another program has to say here where it comes from."""
    programs = wanted()
    assert {"nft", "tc", "stress-ng", "openssl"} <= programs
    (packages,) = re.findall(r'^ARG FAULT_PACKAGES="([^"]*)"$', DOCKERFILE, re.MULTILINE)
    assert {PACKAGE_OF[name] for name in programs - IN_THE_IMAGE} <= set(packages.split())
    # The argument is only known to what stands behind it, in its stage; an empty one leaves the packages out.
    assert DOCKERFILE.index("FROM ") < DOCKERFILE.index("ARG FAULT_PACKAGES") < DOCKERFILE.index("apt-get install")
    assert 'test -z "$FAULT_PACKAGES" ||' in DOCKERFILE


def test_the_image_has_every_package_of_hotwash() -> None:
    """One that was added and not copied would be missed when a container starts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = set(re.findall(r"^COPY ([a-z]+) \1$", DOCKERFILE, re.MULTILINE))
    found = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*.") for name in found} == copied


def test_the_worker_for_drills_may_do_what_they_do() -> None:
    """As root, with the network's capability and leases of its own; nobody starts it by chance."""
    services = compose()["services"]
    drills = services["drills"]
    assert (drills["user"], drills["profiles"], drills["command"]) == ("root", ["drills"], "worker --site drills")
    assert {"NET_ADMIN", "SYS_ADMIN"} == set(drills["cap_add"])
    assert "drill-leases:/data/leases" in drills["volumes"]
    assert all("user" not in service for name, service in services.items() if name != "drills")
    volumes = {each.partition(":")[0] for service in services.values() for each in service.get("volumes", [])}
    assert volumes == set(compose()["volumes"])
