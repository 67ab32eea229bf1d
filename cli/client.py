"""The HTTP client behind every command: where the API is, who speaks, and which exit code a refusal becomes.

Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 unreachable.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 3
# A command of a person: longer than the API's own limit for an Update (10 s), so that its answer is heard.
_TIMEOUT_SECONDS = 30.0

# Into a pipe there is no edge of a screen; 200 columns keep a row a line for grep.
stdout = Console(width=None if sys.stdout.isatty() else 200)
stderr = Console(stderr=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@dataclass
class Connection:
    """Set once by the options of `hotwash` itself."""

    url: str | None = None
    token: str | None = None
    home: Path | None = None


connection = Connection()


def fail(sentence: str, exit_code: int = EXIT_REFUSED) -> NoReturn:
    """Say one sentence on standard error and end."""
    stderr.print(f"[bold red]hotwash:[/] {sentence}", highlight=False, soft_wrap=True)
    raise typer.Exit(exit_code)


def home_folder() -> Path:
    """`--home`, else `$HOTWASH_HOME`, else `.hotwash`."""
    return connection.home or Path(os.environ.get("HOTWASH_HOME", ".hotwash"))


def api_url() -> str:
    """`--url`, else `$HOTWASH_URL`, else what `hotwash up` wrote into the home folder, else the default port."""
    if chosen := connection.url or os.environ.get("HOTWASH_URL"):
        return chosen.rstrip("/")
    written = home_folder() / "up.json"
    if not written.exists():
        return "http://127.0.0.1:8080"
    try:
        return str(json.loads(written.read_text())["url"]).rstrip("/")
    except (ValueError, KeyError, TypeError):
        fail(f"{written} says nothing of a URL; give --url, or start 'hotwash up' again")


def api_token() -> str:
    """`--token`, else `$HOTWASH_TOKEN`, else the admin token of the home folder."""
    if chosen := connection.token or os.environ.get("HOTWASH_TOKEN"):
        return chosen
    file = home_folder() / "admin-token"
    if not file.exists():
        fail(f"no token: give --token or HOTWASH_TOKEN, or --home of a running 'hotwash up' ({file} does not exist)")
    return file.read_text().strip()


def call(
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """One request to `/api/v1`; a refusal prints its sentence and ends with 1, silence ends with 3."""
    url = api_url()
    wanted = {key: value for key, value in (params or {}).items() if value is not None}
    try:
        response = httpx.request(
            method,
            f"{url}/api/v1{path}",
            json=body,
            params=wanted,
            headers={"Authorization": f"Bearer {api_token()}"} | (headers or {}),
            timeout=_TIMEOUT_SECONDS,
        )
    except httpx.HTTPError as error:
        fail(
            f"nobody answers at {url} ({type(error).__name__}); is 'hotwash up' running? --url says where",
            EXIT_UNREACHABLE,
        )
    if response.is_success:
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return (response.json() if is_json else response.text) if response.content else None
    fail(
        problem_sentence(response),
        EXIT_UNREACHABLE if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else EXIT_REFUSED,
    )


def problem_sentence(response: httpx.Response) -> str:
    """The sentence of a problem document, or the best that can be said without one."""
    try:
        problem = response.json()
    except ValueError:
        return f"the API answered {response.status_code}"
    if not isinstance(problem, dict):
        return f"the API answered {response.status_code}"
    return str(problem.get("detail") or problem.get("title") or f"the API answered {response.status_code}")


def print_json(value: object) -> None:
    """JSON for machines, on standard output and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
