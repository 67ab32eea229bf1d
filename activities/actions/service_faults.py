"""The faults of networks, services and AWS, in front of them and inside; called by `fault_actions`.

`ServiceFaultPorts` is what they need from the outside, in one piece; `activities/clients/service_faults.py` builds it.
"""

from dataclasses import dataclass

from activities.action import AnyAction
from activities.actions.alerting_mute import AlertingMute, Silencer
from activities.actions.aws import Aws
from activities.actions.aws_fis import FisStartExperiment, Stoppers
from activities.actions.haproxy_down import HaproxyServerDown, TrafficControl
from activities.actions.postgres import Clusters
from activities.actions.postgres_faults import FaultyClusters, PostgresCutReplication, PostgresKillPrimary
from activities.actions.postgres_holders import PostgresExhaustConnections, PostgresLock, PostgresSlowQuery
from activities.actions.proxies import FaultProxies
from activities.actions.proxy_faults import (
    DependencyOutage,
    HttpError,
    HttpLatency,
    TcpBandwidth,
    TcpBlackhole,
    TcpLatency,
    TcpReset,
)
from activities.actions.redis_pause import PausableRedis, RedisPause
from activities.leases import Leases
from activities.ports import ConfigurationSource

SERVICE_FAULTS: tuple[type[AnyAction], ...] = (
    AlertingMute,
    DependencyOutage,
    FisStartExperiment,
    HaproxyServerDown,
    HttpError,
    HttpLatency,
    PostgresCutReplication,
    PostgresExhaustConnections,
    PostgresKillPrimary,
    PostgresLock,
    PostgresSlowQuery,
    RedisPause,
    TcpBandwidth,
    TcpBlackhole,
    TcpLatency,
    TcpReset,
)


@dataclass(frozen=True)
class ServiceFaultPorts:
    """What they need."""

    aws: Aws
    clusters: FaultyClusters
    proxies: FaultProxies
    redis: PausableRedis
    # Brings a primary that was replaced back as a standby.
    rejoining: Clusters
    silencer: Silencer
    # Stop what AWS does when nobody else can.
    stoppers: Stoppers
    traffic: TrafficControl


def service_faults(configuration: ConfigurationSource, leases: Leases, ports: ServiceFaultPorts) -> list[AnyAction]:
    """One of each of `SERVICE_FAULTS`, with what it needs."""
    return [
        AlertingMute(configuration, leases, ports.silencer),
        DependencyOutage(configuration, leases, ports.proxies),
        FisStartExperiment(configuration, leases, ports.aws, ports.stoppers),
        HaproxyServerDown(configuration, leases, ports.traffic),
        HttpError(configuration, leases, ports.proxies),
        HttpLatency(configuration, leases, ports.proxies),
        PostgresCutReplication(configuration, leases, ports.clusters),
        PostgresExhaustConnections(configuration, leases, ports.clusters),
        PostgresKillPrimary(configuration, leases, ports.clusters, ports.rejoining),
        PostgresLock(configuration, leases, ports.clusters),
        PostgresSlowQuery(configuration, leases, ports.clusters),
        RedisPause(configuration, leases, ports.redis),
        TcpBandwidth(configuration, leases, ports.proxies),
        TcpBlackhole(configuration, leases, ports.proxies),
        TcpLatency(configuration, leases, ports.proxies),
        TcpReset(configuration, leases, ports.proxies),
    ]
