"""`hotwash fault-proxy NAME` becomes the proxy that hotwash.yaml describes, and says what is wrong where it cannot."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.action_targets import FaultProxy
from tests.support.ports import a_free_port
from tests.support.proxied import Proxied, an_echo
from tests.support.real_servers import listens, until

PROXY = """
actions:
  fault_proxies:
    shop-db: {{listen: "127.0.0.1:{port}", upstream: "127.0.0.1:{upstream}", control: shop-db.sock}}
"""


@pytest.fixture
def command() -> list[str]:
    """The installed command."""
    found = Path(sys.executable).with_name("hotwash")
    return [str(found if found.exists() else shutil.which("hotwash")), "fault-proxy"]


def test_it_serves_until_it_is_told_to_end(tmp_path: Path, command: list[str]) -> None:
    """Traffic goes through, SIGTERM ends it, and its control socket stands beside hotwash.yaml."""
    port = a_free_port()
    with an_echo() as upstream:
        (tmp_path / "hotwash.yaml").write_text(PROXY.format(port=port, upstream=upstream))
        process = subprocess.Popen([*command, "shop-db", "--home", str(tmp_path)], stderr=subprocess.DEVNULL)
        try:
            until(lambda: listens(port), "the start of the proxy")
            control = tmp_path / "shop-db.sock"
            proxy = FaultProxy(listen=f"127.0.0.1:{port}", upstream=f"127.0.0.1:{upstream}", control=str(control))
            assert Proxied(proxy, process, tmp_path / "log").says(b"hello") == b"hello"
            assert control.is_socket()
            process.terminate()
            assert process.wait(20) == 0
            assert not control.exists()
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        ("actions: {}\n", "no fault proxy is called 'shop-db'; define it under actions.fault_proxies"),
        (PROXY.format(port=1, upstream=2).replace("shop-db:", "shop-bd:"), "did you mean 'shop-bd'"),
        (PROXY.format(port=1, upstream=2).replace("127.0.0.1:1", "0.0.0.0:1"), "is no loopback address"),
    ],
)
def test_it_says_what_is_wrong(tmp_path: Path, command: list[str], yaml: str, sentence: str) -> None:
    """An unknown name and a proxy that would let others in are refused with exit status 1."""
    (tmp_path / "hotwash.yaml").write_text(yaml)
    ended = subprocess.run([*command, "shop-db", "--home", str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert sentence in ended.stderr
