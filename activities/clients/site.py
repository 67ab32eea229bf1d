"""Builds what the actions on servers of one's own need; called by the composition root."""

from functools import partial

from activities.actions.ports import HttpCaller, ProgramRunner
from activities.actions.postgres import ClusterPlace
from activities.actions.site import SitePorts
from activities.actions.switches import FlagPlace, HaproxyStatePlace, HaproxyWeightPlace, NginxPlace, RedisPlace
from activities.clients.daemons import PidFileDaemons
from activities.clients.flags import FlagSetting
from activities.clients.haproxy import HaproxyStateSetting, HaproxyWeightSetting
from activities.clients.nginx import NginxSetting
from activities.clients.postgres_clusters import Node, PostgresClusters
from activities.clients.postgres_node import PostgresServer
from activities.clients.redis import RedisSetting
from activities.clients.sql import PostgresReader
from activities.clients.switchboard import Switches
from activities.clients.tcp import TcpDoors


def site_ports(programs: ProgramRunner, http: HttpCaller) -> SitePorts:
    """One of each, holding nothing open."""

    def nodes(place: ClusterPlace) -> dict[str, Node]:
        return {name: PostgresServer(place, name, programs) for name in place.cluster.nodes}

    return SitePorts(
        clusters=PostgresClusters(nodes, programs),
        daemons=PidFileDaemons(programs),
        doors=TcpDoors(),
        http=http,
        sql=PostgresReader(),
        switchboard=Switches(
            {
                FlagPlace: partial(FlagSetting, http=http),
                HaproxyStatePlace: HaproxyStateSetting,
                HaproxyWeightPlace: HaproxyWeightSetting,
                NginxPlace: partial(NginxSetting, programs=programs),
                RedisPlace: RedisSetting,
            }
        ),
    )
