"""Builds what the faults of networks and services need; called by `fault_ports.py`."""

from activities.actions.ports import HttpCaller, ProgramRunner
from activities.actions.postgres import ClusterPlace
from activities.actions.service_faults import ServiceFaultPorts
from activities.clients.alertmanager import AlertmanagerApi
from activities.clients.aws import AwsClient
from activities.clients.fault_proxies import ControlledProxies
from activities.clients.fis import FisStoppers
from activities.clients.haproxy import HaproxyTraffic
from activities.clients.postgres_clusters import Node, PostgresClusters
from activities.clients.postgres_faults import HarmedPostgres
from activities.clients.postgres_node import PostgresServer
from activities.clients.redis_pause import ControlledRedis
from activities.leases import Leases


def service_fault_ports(leases: Leases, programs: ProgramRunner, http: HttpCaller) -> ServiceFaultPorts:
    """One of each, holding nothing open."""

    def nodes(place: ClusterPlace) -> dict[str, Node]:
        return {name: PostgresServer(place, name, programs) for name in place.cluster.nodes}

    return ServiceFaultPorts(
        aws=AwsClient(),
        clusters=HarmedPostgres(programs, leases),
        proxies=ControlledProxies(),
        redis=ControlledRedis(),
        rejoining=PostgresClusters(nodes, programs),
        silencer=AlertmanagerApi(http),
        stoppers=FisStoppers(leases),
        traffic=HaproxyTraffic(),
    )
