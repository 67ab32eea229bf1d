"""The contract server refuses what AWS refuses: otherwise the tests that lean on it would prove nothing."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.action_world import TOKEN
from tests.support.aws_contract import ACCESS_KEY, SECRET_KEY, AwsContract, aws_contract


@pytest.fixture
def contract() -> AwsContract:
    """As if it had just started."""
    contract = aws_contract()
    contract.reset(TOKEN)
    return contract


def client(contract: AwsContract, service: str, **more: Any) -> Any:
    """A client of boto3 that checks nothing by itself."""
    given = {
        "region_name": "eu-west-1",
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        "aws_session_token": TOKEN,
    }
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=contract.url, config=config, **(given | more))


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> str:
    """The error's code."""
    return str(failure.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"aws_secret_access_key": "another"},
        {"aws_access_key_id": "AKIANOBODY0000000000"},
        {"aws_session_token": "another"},
        {"aws_session_token": None},
        {"region_name": "us-east-1"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_signature_is_refused(contract: AwsContract, wrong: dict[str, Any]) -> None:
    """Key, secret, session token and region are all part of it."""
    with pytest.raises(ClientError) as failure:
        client(contract, "fis", **wrong).list_experiments()
    assert code_of(failure) in {"SignatureDoesNotMatch", "UnrecognizedClientException"}


def test_a_missing_or_made_up_parameter_is_refused(contract: AwsContract) -> None:
    """By the published description of the API, whoever sends it."""
    with pytest.raises(ClientError, match="Missing required parameter"):
        client(contract, "ecs").update_service(cluster="shop")
    with pytest.raises(ClientError, match="Invalid type for parameter"):
        client(contract, "ecs").update_service(service="checkout", desiredCount="four")
    with pytest.raises(ClientError) as failure:
        client(contract, "ecs").list_clusters()
    assert code_of(failure) == "UnknownOperationException"


def test_a_client_token_makes_one_experiment(contract: AwsContract) -> None:
    """The same token gives the same answer, and with other parameters a conflict."""
    fis = client(contract, "fis")
    ids = {
        fis.start_experiment(clientToken="t", experimentTemplateId=contract.fis.TEMPLATE)["experiment"]["id"]
        for _ in range(2)
    }
    assert len(ids) == 1
    with pytest.raises(ClientError) as failure:
        fis.start_experiment(clientToken="t", experimentTemplateId="another")
    assert code_of(failure) == "ConflictException"


def test_a_stale_revision_of_an_alias_is_refused(contract: AwsContract) -> None:
    """Where moto takes any RevisionId, AWS answers 412."""
    functions = client(contract, "lambda")
    revision = functions.get_alias(FunctionName="checkout", Name="live")["RevisionId"]
    asked = {"FunctionName": "checkout", "Name": "live", "RevisionId": revision}
    functions.update_alias(FunctionVersion="41", **asked)
    with pytest.raises(ClientError) as failure:
        functions.update_alias(FunctionVersion="40", **asked)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
