"""The cloud as actions see it: moto's server where moto is honest, a contract server where it is not.

Part of `tests/support/action_world.py`. What is played by which, and why, stands beside each case.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from activities.actions.cloud import CloudPorts
from activities.clients.aws import AwsClient
from activities.clients.kubernetes import KubernetesClient
from activities.plans import Plans
from activities.ports import EffectLedger
from domain.cloud_targets import AwsKeys, AwsTarget, KubernetesTarget, KubernetesToken
from domain.configuration import ActionSettings
from tests.support.aws_contract import ACCESS_KEY, SECRET_KEY, AwsContract, aws_contract
from tests.support.aws_moto import REGION, Moto, moto
from tests.support.kubernetes_contract import KubernetesContract, kubernetes_contract

SECRETS = {"env:AWS_KEY": ACCESS_KEY, "env:AWS_SECRET": SECRET_KEY}
KEYS = AwsKeys(access_key_id="env:AWS_KEY", secret_access_key="env:AWS_SECRET", session_token="env:TOKEN")

# Parameters, effects, state: as `Case` of the world has them.
CloudCase = tuple[dict[str, Any], Callable[[], list[Any]], Callable[[], Any]]


@cache
def aws_client() -> AwsClient:
    """One for all worlds of a process."""
    # Making a client of boto3 costs up to a second: the tests of a process share them, as the steps of a worker do.
    return AwsClient()


class Cloud:
    """What actions on AWS can touch. Nothing is started before a case needs it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._contract: AwsContract | None = None
        self._moto: Moto | None = None
        self._cluster: KubernetesContract | None = None
        # Targets of a test's own.
        self.targets: dict[str, AwsTarget] = {}
        self.clusters: dict[str, KubernetesTarget] = {}

    def ports(self, ledger: EffectLedger) -> CloudPorts:
        """What the actions are built with."""
        return CloudPorts(aws=aws_client(), kubernetes=KubernetesClient(), plans=Plans(ledger))

    @property
    def contract(self) -> AwsContract:
        """The contract server of this world."""
        if self._contract is None:
            self._contract = aws_contract()
            self._contract.reset(self._token)
        return self._contract

    @property
    def moto(self) -> Moto:
        """moto, as if it had just started."""
        if self._moto is None:
            self._moto = moto()
            self._moto.reset()
        return self._moto

    @property
    def cluster(self) -> KubernetesContract:
        """The Kubernetes API server of this world."""
        if self._cluster is None:
            self._cluster = kubernetes_contract()
            self._cluster.reset(self._token)
        return self._cluster

    def settings(self, actions: ActionSettings) -> ActionSettings:
        """The settings of a world, and the targets that have been started."""
        targets = dict(self.targets)
        if self._contract is not None:
            targets["contract"] = self._target(self._contract.url)
        if self._moto is not None:
            targets["moto"] = self._target(self._moto.url)
        clusters = {} if self._cluster is None else {"prod": _cluster(self._cluster.url)}
        return actions.model_copy(update={"aws": targets, "kubernetes": clusters | self.clusters})

    def case(self, name: str) -> CloudCase | None:
        """What to ask of an action, and how to see what it has done; None for actions that are not on a cloud."""
        if name not in _CASES:
            return None
        return _CASES[name](self)

    def _target(self, url: str) -> AwsTarget:
        return AwsTarget(region=REGION, credentials=KEYS, endpoint_url=url, resources=("*",))


def _cluster(url: str) -> KubernetesTarget:
    return KubernetesTarget(server=url, credentials=KubernetesToken(token="env:TOKEN"), resources=("*",))


def _on_moto(cloud: Cloud, parameters: dict[str, Any], state: Callable[[], Any]) -> CloudCase:
    cloud.moto.changes.clear()
    return {"target": "moto", **parameters}, lambda: list(cloud.moto.changes), state


def _on_contract(cloud: Cloud, parameters: dict[str, Any], state: Callable[[], Any]) -> CloudCase:
    return {"target": "contract", **parameters}, lambda: list(cloud.contract.changes), state


def _in_cluster(cloud: Cloud, parameters: dict[str, Any], state: Callable[[], Any], of: str = "") -> CloudCase:
    def effects() -> list[Any]:
        return [change for change in cloud.cluster.changes if change.startswith(of)]

    return {"target": "prod", **parameters}, effects, state


def _uncordon(cloud: Cloud) -> CloudCase:
    cloud.cluster.node["spec"]["unschedulable"] = True
    return _in_cluster(cloud, {"node": "worker-3"}, cloud.cluster.is_cordoned)


def _autoscaling(cloud: Cloud) -> CloudCase:
    """Moto starts and ends the instances at once, and says so."""
    client = cloud.moto.client("autoscaling")
    client.create_launch_configuration(LaunchConfigurationName="shop", ImageId="ami-12c6146b", InstanceType="t2.micro")
    client.create_auto_scaling_group(
        AutoScalingGroupName="shop-web",
        LaunchConfigurationName="shop",
        MinSize=1,
        DesiredCapacity=2,
        MaxSize=4,
        AvailabilityZones=[f"{REGION}a"],
    )

    def state() -> Any:
        group = client.describe_auto_scaling_groups(AutoScalingGroupNames=["shop-web"])["AutoScalingGroups"][0]
        return group["MinSize"], group["DesiredCapacity"], group["MaxSize"], len(group["Instances"])

    return _on_moto(cloud, {"group": "shop-web", "desired": 6, "maximum": 8}, state)


def _ec2(cloud: Cloud, *, running: bool) -> CloudCase:
    """Stopping and starting show in every other read."""
    client = cloud.moto.client("ec2")
    made = client.run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2, InstanceType="t2.micro")
    ids = [one["InstanceId"] for one in made["Instances"]]
    # One of the two is where the action wants both: an undo must leave it there.
    client.stop_instances(InstanceIds=ids[1:] if running else ids[:1])

    def state() -> Any:
        found = client.describe_instances(InstanceIds=ids)["Reservations"]
        return {one["InstanceId"]: one["State"]["Name"] for group in found for one in group["Instances"]}

    return _on_moto(cloud, {"instances": ids}, state)


def _elbv2(cloud: Cloud) -> CloudCase:
    """A listener that forwards to blue and green."""
    ec2, client = cloud.moto.client("ec2"), cloud.moto.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    balancer = client.create_load_balancer(Name="shop", Subnets=[one["Subnet"]["SubnetId"] for one in subnets])
    blue, green = (
        client.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("blue", "green")
    )
    groups = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}]
    listener = client.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    )["Listeners"][0]["ListenerArn"]

    def state() -> Any:
        actions = client.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"]
        return {one["TargetGroupArn"]: one["Weight"] for one in actions[0]["ForwardConfig"]["TargetGroups"]}

    return _on_moto(cloud, {"listener": listener, "weights": {blue: 100, green: 0}}, state)


def _rds(cloud: Cloud) -> CloudCase:
    """A failover flips the writer at once."""
    client = cloud.moto.client("rds")
    client.create_db_cluster(
        DBClusterIdentifier="orders",
        Engine="aurora-postgresql",
        MasterUsername="root",
        MasterUserPassword="hunter2hunter2",
    )
    for number in (1, 2):
        client.create_db_instance(
            DBInstanceIdentifier=f"orders-{number}",
            DBClusterIdentifier="orders",
            Engine="aurora-postgresql",
            DBInstanceClass="db.t3.medium",
        )

    def state() -> Any:
        members = client.describe_db_clusters(DBClusterIdentifier="orders")["DBClusters"][0]["DBClusterMembers"]
        return [one["DBInstanceIdentifier"] for one in members if one["IsClusterWriter"]]

    return _on_moto(cloud, {"cluster": "orders"}, state)


def _zone(cloud: Cloud, kind: str, records: list[dict[str, Any]]) -> tuple[str, Callable[[], Any]]:
    client = cloud.moto.client("route53")
    zone = client.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
    sets = [
        {
            "Name": "www.shop.example",
            "Type": "A",
            "TTL": 60,
            "SetIdentifier": name,
            kind: value,
            "ResourceRecords": [{"Value": address}],
        }
        for name, value, address in (tuple(one.values()) for one in records)
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    def state() -> Any:
        found = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {
            one["SetIdentifier"]: (one[kind], [record["Value"] for record in one["ResourceRecords"]])
            for one in found
            if kind in one
        }

    return zone, state


def _route53_weights(cloud: Cloud) -> CloudCase:
    """Weighted records are stored and listed; that they are in sync at once is moto's only simplification."""
    records = [{"id": "eu", "weight": 100, "to": "192.0.2.1"}, {"id": "us", "weight": 0, "to": "192.0.2.2"}]
    zone, state = _zone(cloud, "Weight", records)
    return _on_moto(cloud, {"zone": zone, "name": "www.shop.example", "weights": {"eu": 0, "us": 100}}, state)


def _route53_failover(cloud: Cloud) -> CloudCase:
    """The same for a failover pair."""
    records = [
        {"id": "eu", "role": "PRIMARY", "to": "192.0.2.1"},
        {"id": "us", "role": "SECONDARY", "to": "192.0.2.2"},
    ]
    zone, state = _zone(cloud, "Failover", records)
    return _on_moto(cloud, {"zone": zone, "name": "www.shop.example", "primary": "192.0.2.2"}, state)


def _ssm_parameter(cloud: Cloud) -> CloudCase:
    """Parameters have their history."""
    client = cloud.moto.client("ssm")
    client.put_parameter(Name="/shop/flags/new-checkout", Value="on", Type="String")

    def state() -> Any:
        return client.get_parameter(Name="/shop/flags/new-checkout")["Parameter"]["Value"]

    return _on_moto(cloud, {"name": "/shop/flags/new-checkout", "value": "off"}, state)


_CASES: dict[str, Callable[[Cloud], CloudCase]] = {
    "aws.autoscaling.set_capacity": _autoscaling,
    "aws.ec2.start": lambda cloud: _ec2(cloud, running=False),
    "aws.ec2.stop": lambda cloud: _ec2(cloud, running=True),
    "aws.elbv2.set_weights": _elbv2,
    "aws.rds.fail_over_cluster": _rds,
    "aws.route53.fail_over": _route53_failover,
    "aws.route53.set_weight": _route53_weights,
    "aws.ssm.set_parameter": _ssm_parameter,
    # moto answers list_service_deployments with 500 and never lets a service become steady.
    "aws.ecs.roll_back_service": lambda cloud: _on_contract(
        cloud, {"cluster": "shop", "service": "checkout"}, cloud.contract.ecs.task_definition
    ),
    # moto takes a stale RevisionId for a fresh one, and any version for a published one.
    "aws.lambda.shift_alias": lambda cloud: _on_contract(
        cloud, {"function": "checkout", "alias": "live", "version": "41"}, cloud.contract.alias.state
    ),
    # moto knows no environments and no deployments.
    "aws.appconfig.set_flag": lambda cloud: _on_contract(
        cloud,
        {
            "application": "abc1234",
            "environment": "def5678",
            "profile": "ghi9012",
            "flag": "new-checkout",
            "enabled": False,
        },
        cloud.contract.appconfig.state,
    ),
    # There is no honest Kubernetes without a cluster: all on the contract server.
    "kubernetes.cordon": lambda cloud: _in_cluster(cloud, {"node": "worker-3"}, cloud.cluster.is_cordoned),
    "kubernetes.uncordon": _uncordon,
    "kubernetes.drain": lambda cloud: _in_cluster(cloud, {"node": "worker-3"}, cloud.cluster.is_cordoned, "evict"),
    "kubernetes.scale": lambda cloud: _in_cluster(
        cloud, {"namespace": "shop", "name": "checkout", "replicas": 0}, cloud.cluster.replicas
    ),
    "kubernetes.undo_rollout": lambda cloud: _in_cluster(
        cloud, {"namespace": "shop", "deployment": "checkout"}, cloud.cluster.images
    ),
    # moto does not know Automation.
    "aws.ssm.start_automation": lambda cloud: _on_contract(
        cloud, {"document": "Shop-Drain", "wait_for_end": False}, cloud.contract.automation.running
    ),
}
