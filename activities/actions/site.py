"""The actions on servers of one's own: daemons, checks, databases, traffic, flags; called by `builtin_actions`.

`SitePorts` is what they need from the outside, in one piece; `activities/clients/site.py` builds it.
"""

from dataclasses import dataclass

from activities.action import AnyAction
from activities.actions.check_flag import CheckFlag
from activities.actions.check_promql import CheckPromql
from activities.actions.check_sql import CheckSql, SqlReader
from activities.actions.check_tcp import CheckTcp, Doors
from activities.actions.daemon import Daemons, ProcessRestart, ProcessStart, ProcessStop
from activities.actions.flag import FlagSet
from activities.actions.haproxy import HaproxyDrain, HaproxyMaint, HaproxyReady, HaproxyWeight
from activities.actions.nginx import NginxUpstreamSwitch
from activities.actions.ports import HttpCaller
from activities.actions.postgres import Clusters, PostgresFailover, PostgresRejoin
from activities.actions.redis import RedisPromote
from activities.actions.switches import Switchboard
from activities.ports import ConfigurationSource

SITE_ACTIONS: tuple[type[AnyAction], ...] = (
    CheckFlag,
    CheckPromql,
    CheckSql,
    CheckTcp,
    FlagSet,
    HaproxyDrain,
    HaproxyMaint,
    HaproxyReady,
    HaproxyWeight,
    NginxUpstreamSwitch,
    PostgresFailover,
    PostgresRejoin,
    ProcessRestart,
    ProcessStart,
    ProcessStop,
    RedisPromote,
)


@dataclass(frozen=True)
class SitePorts:
    """What the actions of this folder's site part need."""

    clusters: Clusters
    daemons: Daemons
    doors: Doors
    http: HttpCaller
    sql: SqlReader
    switchboard: Switchboard


def site_actions(configuration: ConfigurationSource, ports: SitePorts) -> list[AnyAction]:
    """One of each of `SITE_ACTIONS`, with what it needs."""
    return [
        CheckFlag(configuration, ports.http),
        CheckPromql(configuration, ports.http),
        CheckSql(configuration, ports.sql),
        CheckTcp(configuration, ports.doors),
        FlagSet(configuration, ports.switchboard),
        HaproxyDrain(configuration, ports.switchboard),
        HaproxyMaint(configuration, ports.switchboard),
        HaproxyReady(configuration, ports.switchboard),
        HaproxyWeight(configuration, ports.switchboard),
        NginxUpstreamSwitch(configuration, ports.switchboard),
        PostgresFailover(configuration, ports.clusters),
        PostgresRejoin(configuration, ports.clusters),
        ProcessRestart(configuration, ports.daemons),
        ProcessStart(configuration, ports.daemons),
        ProcessStop(configuration, ports.daemons),
        RedisPromote(configuration, ports.switchboard),
    ]
