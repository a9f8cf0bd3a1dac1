"""A farm on servers that the same program makes: their addresses and host keys are outputs."""

import pulumi
import your_cloud

from aegir_components import (
    Farm,
    FarmArgs,
    HubArgs,
    HubSshArgs,
    Platform,
    PlatformArgs,
    Server,
    ServerArgs,
    Site,
    SiteArgs,
    SshArgs,
    WebCluster,
    WebClusterArgs,
)

config = pulumi.Config()
ssh = HubSshArgs(identity=config.require("identity"))
farm = Farm(FarmArgs(hub=HubArgs(address=config.require("hub"), root=config.get("root"), ssh=ssh)))

webs = []
for number in (1, 2):
    machine = your_cloud.Machine(f"web{number}", image="debian-12")
    arguments = ServerArgs(farm=farm, address=machine.address, ssh=SshArgs(host_key=machine.host_key), web="nginx")
    webs.append(Server(f"web{number}.example.com", arguments))
machine = your_cloud.Machine("db1", image="debian-12")
database = Server(
    "db1.example.com",
    ServerArgs(farm=farm, address=machine.address, ssh=SshArgs(host_key=machine.host_key), database="mysql"),
)

cluster = WebCluster("webs", WebClusterArgs(servers=webs, uploads="separate"))
wordpress = Platform("wordpress", PlatformArgs(server=cluster, source=config.require("source")))
site = Site("www.example.com", SiteArgs(platform=wordpress, database=database))

your_cloud.Record("www", value=webs[0].address, opts=pulumi.ResourceOptions(depends_on=site.done))
