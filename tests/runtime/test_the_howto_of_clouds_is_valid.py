"""The example of `docs/howto/let-runbooks-act-on-aws-and-kubernetes.md` is what `hotwash.yaml` really accepts."""

import re
from pathlib import Path

import pytest

from activities.actions import specs
from domain.errors import Rejected
from runtime.configuration import load_configuration

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "let-runbooks-act-on-aws-and-kubernetes.md"


def test_the_example_is_read_without_a_complaint(tmp_path: Path) -> None:
    """Both kinds of target, with keys and ambient; a relative path counts from the file."""
    example = re.search(r"```yaml\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    assert example
    file = tmp_path / "hotwash.yaml"
    file.write_text(example[1])
    actions = load_configuration(file).actions
    assert actions.aws["sandbox"].credentials == "ambient"
    assert actions.aws["shop-eu"].may_change("ssm/parameter/shop/flags/new-checkout")
    assert not actions.aws["shop-eu"].may_change("ssm/parameter/shop/password")
    assert actions.kubernetes["prod"].ca_file == str(tmp_path / "prod-ca.pem")
    assert actions.kubernetes["here"].server is None


def test_the_table_names_every_action() -> None:
    """None is forgotten and none is made up."""
    named = set(re.findall(r"`((?:aws|kubernetes)\.[a-z0-9_.]+)`", HOWTO.read_text()))
    assert named == {name for name in specs() if name.startswith(("aws.", "kubernetes."))}


def test_a_key_in_place_of_its_reference_is_not_repeated(tmp_path: Path) -> None:
    """Who pastes a key into the file reads how to do it right, and the key stands in no log."""
    file = tmp_path / "hotwash.yaml"
    file.write_text(
        "actions: {aws: {prod: {region: eu-west-1, resources: ['*'],\n"
        "  credentials: {access_key_id: AKIAPASTED, secret_access_key: wJalrPASTED}}}}\n"
    )
    with pytest.raises(Rejected) as failure:
        load_configuration(file)
    assert "PASTED" not in failure.value.sentence
    assert "write a reference" in failure.value.sentence
