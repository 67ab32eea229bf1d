"""Old postmortems come in by the command line, once however often; search, insight and incidents alike know them.

The whole story is told twice, with a record in SQLite and with one in a real PostgreSQL.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.support.api_world import World, api_world

# Each command is a process of its own, which takes half a minute to start while the machine is very busy.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

MARKDOWN = """---
id: PM-12
severity: P1
services: [checkout, fax]
detected_at: 2024-03-01T14:05:00Z
resolved_at: 2024-03-01T15:35:00Z
mood: low
---
# The Zanzibar cache went cold

## Summary
Every read went to the database. <script>alert(1)</script>

## Contributing factors
- capacity: the pool had forty connections
- the moon

## Action items
- [x] Warm the cache before a switch @ana
- [ ] Add an alert on the hit rate @ben
"""
CSV = """Ref;Headline;Sev;When;Done
1;"Mail stood; still";bad;01/03/2023 10:00;x
2;;2;01/03/2023 10:00;
3;Search was slow;2;yesterday;
1;Again;2;01/03/2023 10:00;
"""
MAPPING = """
source: old-tool
time_format: "%d/%m/%Y %H:%M"
fields:
  key: Ref
  title: Headline
  severity: Sev
  declared_at: When
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """API, engine, workers and the record, all real; a house for each database."""
    folder = tmp_path_factory.mktemp("home")
    if request.param == "sqlite":
        async with api_world(folder) as opened:
            yield opened
        return
    server = request.getfixturevalue("postgres_server")
    name = f"hw_{uuid4().hex}"
    server.psql(f"CREATE DATABASE {name};")
    async with api_world(folder, store_url=str(server.get_uri()).replace("/postgres?", f"/{name}?")) as opened:
        assert opened.store.address.startswith("postgresql://")
        yield opened
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")


async def hotwash(world: World, *arguments: object) -> tuple[int, str]:
    """The command as it is installed; exit code and everything printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "--url", world.url, "--home", str(world.home.folder),
        *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def imported(world: World, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """The report as JSON."""
    code, out = await hotwash(world, "review", "import", *arguments, "--json")
    return code, json.loads(out)["items"]


async def get(world: World, path: str, **params: object) -> Any:
    """As the administrator."""
    answer = await world.admin.get(f"/api/v1{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_twice_is_once_and_a_change_is_a_change(world: World, tmp_path: Path) -> None:
    """A dry run saves nothing; then it is new, unchanged, and changed under the same id."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN)
    code, (line,) = await imported(world, file, "--dry-run")
    assert (code, line["outcome"]) == (0, "new")
    assert (await world.admin.get(f"/api/v1/incidents/{line['incident_id']}")).status_code == 404
    outcomes = []
    for text in (MARKDOWN, MARKDOWN, MARKDOWN.replace("2024-03-01T15", "2024-03-01T16").replace("went cold", "froze")):
        file.write_text(text)
        _, (each,) = await imported(world, file)
        assert each["incident_id"] == line["incident_id"]
        outcomes.append(each["outcome"])
    assert outcomes == ["new", "unchanged", "changed"]
    incident = await get(world, f"/incidents/{line['incident_id']}")
    assert (incident["title"], incident["status"], incident["retrospective"]) == (
        "The Zanzibar cache froze", "closed", True,
    )  # fmt: skip
    assert incident["assumed_times"] == ["declared_at"]
    items = (await get(world, "/action-items", incident_id=line["incident_id"]))["items"]
    assert sorted(each["title"] for each in items) == ["Add an alert on the hit rate", "Warm the cache before a switch"]
    timeline = (await get(world, f"/incidents/{line['incident_id']}/timeline"))["items"]
    assert [each["summary"] for each in timeline if "imported" in each["summary"]] == [
        "imported from import: PM-12",
        "imported again, changed from import: PM-12",
    ]


async def test_the_report_names_file_and_line(world: World, tmp_path: Path) -> None:
    """What was assumed, left out and unknown, each where it stands; the first line of each postmortem is its own."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN.replace("PM-12", "PM-13"))
    code, out = await hotwash(world, "review", "import", file)
    assert code == 0
    assert f"{file}:7: left out: 'mood' is not mapped to a field" in out
    assert "assumed: no kind of factor is known for 'the moon'" in out
    assert "service 'fax' is not in hotwash.yaml" in out
    csv, mapping = tmp_path / "old.csv", tmp_path / "mapping.yaml"
    csv.write_text(CSV)
    mapping.write_text(MAPPING)
    code, out = await hotwash(world, "review", "import", csv, "--mapping", mapping)
    assert code == 1
    assert f"{csv}:2: new 1 → inc-20230301-" in out
    assert f"{csv}:2: assumed: the severity 'bad' is not known" in out
    assert f"{csv}:3: refused: it has no title" in out
    assert f"{csv}:4: not understood: 'yesterday' is no time" in out
    assert f"{csv}:5: refused: the key '1' is in {csv}:2, too" in out
    assert "1 new, 3 refused" in out


async def test_what_was_imported_is_found(world: World, tmp_path: Path) -> None:
    """By its words, by its factors in insight, and as an incident like a new one; hostile text is shown as text."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN.replace("PM-12", "PM-14").replace("Zanzibar", "Kilimanjaro"))
    _, (line,) = await imported(world, file)
    id_ = line["incident_id"]
    found = (await get(world, "/search", q="Kilimanjaro cache"))["items"]
    assert f"/reviews/{id_}" in {hit["url"] for hit in found}
    alike = await get(
        world, f"/incidents/{(await world.declare('Kilimanjaro cache cold', services=['checkout']))['id']}/similar"
    )
    assert id_ in json.dumps(alike)
    times = await get(world, "/insights/times", until="2024-03-31T00:00:00Z", days=60)
    spreads = {each["name"]: each["n"] for each in times["distributions"]}
    # Nobody wrote down when it was declared, so nothing is counted from there.
    assert spreads["Resolution"] == 0
    recurrence = await get(world, "/insights/recurrence", until="2024-03-31T00:00:00Z", days=60)
    assert "capacity" in json.dumps(recurrence)
    for page in (f"/reviews/{id_}", f"/incidents/{id_}", f"/reviews/{id_}/changes"):
        shown = await world.admin.get(page, headers={"Accept": "text/html"})
        assert shown.status_code == 200
        assert "<script>alert(1)" not in shown.text


async def test_a_review_is_tagged_on_its_page(world: World, tmp_path: Path) -> None:
    """The form holds the tags that there are, so that saving it takes none off; each leads to what else has it."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN.replace("PM-12", "PM-17"))
    _, (line,) = await imported(world, file)
    place = f"/reviews/{line['incident_id']}"
    shown = await world.admin.get(place, headers={"Accept": "text/html"})
    assert (f'action="/tags/review/{line["incident_id"]}"' in shown.text, "None yet" in shown.text) == (True, True)
    for wanted in ("cold cache, <b>", "Cold-Cache, pools"):
        await world.admin.post(f"/tags/review/{line['incident_id']}", data={"tags": wanted})
    shown = await world.admin.get(place, headers={"Accept": "text/html"})
    tagged = (await get(world, "/tags/pools"))["items"]
    assert tagged == [{"kind": "review", "id": line["incident_id"]}]
    assert 'href="/patterns?tag=pools"' in shown.text
    assert "<b>" not in shown.text


async def test_open_items_are_followed_only_when_asked(world: World, tmp_path: Path) -> None:
    """As a record it is owed by nobody; started, it is a real item that a later import leaves alone."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN.replace("PM-12", "PM-15").replace("@ben", "@nobody"))
    _, (line,) = await imported(world, file, "--start-open-items")
    assert "'nobody' is nobody in hotwash.yaml" in json.dumps(line["notes"])
    file.write_text(MARKDOWN.replace("PM-12", "PM-15"))
    _, (line,) = await imported(world, file, "--start-open-items")
    (started,) = line["started"]
    item = await world.until_recorded(f"/api/v1/action-items/{started}", lambda each: not each["imported"])
    assert (item["owner"], item["state"]) == ("ben", "open")
    begun = await world.admin.post(f"/api/v1/action-items/{started}/start", json={"by": "ben"})
    assert begun.status_code == 200, begun.text
    file.write_text(
        MARKDOWN.replace("PM-12", "PM-15").replace("hit rate", "hit rate").replace("froze", "cold") + "\nx\n"
    )
    _, (line,) = await imported(world, file, "--start-open-items")
    assert (line["outcome"], line["started"]) == ("changed", [])
    assert (await get(world, f"/action-items/{started}"))["state"] == "in_progress"


async def test_an_item_that_left_the_text_is_owed_by_nobody(world: World, tmp_path: Path) -> None:
    """Words that were changed make another item; the old one is dropped, and one that is followed here goes on."""
    file = tmp_path / "pm.md"
    text = MARKDOWN.replace("PM-12", "PM-18") + "- [ ] Split the pool @nobody\n"
    file.write_text(text)
    _, (line,) = await imported(world, file, "--start-open-items")
    (followed,) = line["started"]
    await world.until_recorded(f"/api/v1/action-items/{followed}", lambda each: not each["imported"])
    file.write_text(
        text.replace("Split the pool", "Split the pool in two").replace("- [ ] Add an alert", "- [ ] Alert")
    )
    await imported(world, file)
    items = (await get(world, "/action-items", incident_id=line["incident_id"]))["items"]
    assert {each["title"]: each["state"] for each in items} == {
        "Warm the cache before a switch": "done",
        "Add an alert on the hit rate": "open",
        "Alert on the hit rate": "open",
        "Split the pool": "dropped",
        "Split the pool in two": "open",
    }


async def test_a_record_of_the_past_takes_no_command(world: World, tmp_path: Path) -> None:
    """Its items and its review say what they are and what to do; an item that nobody knows is still not found."""
    file = tmp_path / "pm.md"
    file.write_text(MARKDOWN.replace("PM-12", "PM-16"))
    _, (line,) = await imported(world, file)
    items = (await get(world, "/action-items", incident_id=line["incident_id"]))["items"]
    (waiting,) = [each["id"] for each in items if each["state"] == "open"]
    refused = await world.admin.post(f"/api/v1/action-items/{waiting}/start", json={"by": "ben"})
    assert (refused.status_code, "--start-open-items" in refused.json()["detail"]) == (409, True)
    code, out = await hotwash(world, "action-items", "--incident", line["incident_id"])
    assert code == 0, out
    (listed,) = [row for row in out.splitlines() if waiting in row]
    assert re.findall(r"[\w-]+", listed.replace(waiting, ""))[0] == "imported"
    code, out = await hotwash(world, "action-items", "create-issue", waiting, "--reason", "I looked", "--by", "ben")
    assert (code, "nobody follows it" in out) == (1, True)
    body = {"by": "ben", "reason": "later"}
    refused = await world.admin.post(f"/api/v1/reviews/{line['incident_id']}/waive", json=body)
    assert (refused.status_code, "import that again" in refused.json()["detail"]) == (409, True)
    unknown = await world.admin.post("/api/v1/action-items/act-zzzzzz/start", json={"by": "ben"})
    assert unknown.status_code == 404


async def test_only_an_administrator_imports(world: World) -> None:
    """An engineer is told so."""
    past = {"key": "x", "title": "x", "severity": "SEV-3", "declared_at": "2024-03-01T00:00:00Z"}
    async with world.as_person("ana") as ana:
        refused = await ana.post("/api/v1/reviews/import", json={"postmortems": [past]})
    assert refused.status_code == 403
    assert "only an administrator" in refused.json()["detail"]
    async with world.as_person("cleo") as cleo:
        twice = await cleo.post("/api/v1/reviews/import", json={"postmortems": [past, past]})
    assert [each["outcome"] for each in twice.json()["items"]] == ["new", "refused"]


HOSTILE = {
    "bomb.md": "---\na: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "---\n# x\n",
    "tag.md": "---\nid: !!python/object/apply:os.system [true]\n---\n# x\n",
    "open.md": "---\nid: x\n# never closed\n",
    "list.md": "---\n- a\n---\n# x\n",
    "deep.json": "[" * 100_000,
    "long.json": '[{"id": ' + "9" * 5_000 + "}]",
    "word.json": '"word"',
    "numbers.json": "[1, 2]",
    "broken.json": '[\n{"id": 1,\n}]',
    "quote.csv": 'id,title\n1,"never closed\n',
    "empty.csv": "",
    "empty.json": "[]",
}


async def test_bad_files_are_said_in_a_sentence_and_the_good_one_comes_in(world: World, tmp_path: Path) -> None:
    """Bombs, tags, endless numbers, nesting, broken quotes, bytes: each is refused by itself."""
    for name, text in HOSTILE.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bytes.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / ".hidden.md").write_text("x")
    (tmp_path / "good.md").write_text(MARKDOWN.replace("id: PM-12\n", ""))
    code, lines = await imported(world, tmp_path)
    assert code == 1
    found = {Path(each["file"]).name: each for each in lines}
    assert set(found) == {*HOSTILE, "bytes.md", "good.md"}
    assert (found.pop("good.md")["outcome"], len(found)) == ("new", len(HOSTILE) + 1)
    for name, each in found.items():
        assert each["outcome"] == "refused", name
        assert each["notes"][-1]["sentence"], name
    assert found["broken.json"]["line"] == 3
    code, out = await hotwash(world, "review", "import", tmp_path / "gone.md")
    assert (code, "Traceback" in out) == (1, False)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("source: x\nfields:\n  titel: What\n")
    code, out = await hotwash(world, "review", "import", tmp_path / "good.md", "--mapping", mapping)
    assert code == 2
    assert f"{mapping}:3: fields.titel" in out


async def test_the_howto_is_true(world: World, tmp_path: Path) -> None:
    """Its file with its mapping comes in without a remark that it does not explain."""
    howto = (Path(__file__).parents[2] / "docs" / "howto" / "import-postmortems.md").read_text()
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", howto, re.DOTALL))
    (tmp_path / "pm-12.md").write_text(blocks["markdown"])
    (tmp_path / "mapping.yaml").write_text(blocks["yaml"])
    code, (line,) = await imported(world, tmp_path, "--mapping", tmp_path / "mapping.yaml")
    assert (code, line["key"], line["outcome"]) == (0, "PM-12", "new")
    assert [note["field"] for note in line["notes"]] == ["declared_at"]
    incident = await get(world, f"/incidents/{line['incident_id']}")
    assert (incident["severity"], incident["services"]) == ("SEV-1", ["checkout"])
    review = await get(world, f"/reviews/{line['incident_id']}")
    assert [each["factor"] for each in review["findings"]] == ["capacity", "change"]
