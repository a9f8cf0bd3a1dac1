"""A farm of two servers: a web server with one site, and its database server."""

import pulumi

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
    SiteAdminArgs,
    SiteArgs,
    SshArgs,
)

config = pulumi.Config()
ssh = HubSshArgs(identity=config.require("identity"))
farm = Farm(FarmArgs(hub=HubArgs(address=config.require("hub"), root=config.get("root"), ssh=ssh)))

web_key, database_key = (SshArgs(host_key=config.require(key)) for key in ("web_host_key", "database_host_key"))
web = Server("web1.example.com", ServerArgs(farm=farm, address=config.require("web"), ssh=web_key, web="apache"))
database = Server(
    "db1.example.com", ServerArgs(farm=farm, address=config.require("database"), ssh=database_key, database="mysql")
)
wordpress = Platform("wordpress", PlatformArgs(server=web, source=config.require("source")))
admin = SiteAdminArgs(mail="admin@example.com")
site = Site("www.example.com", SiteArgs(platform=wordpress, database=database, title="Example", admin=admin))

pulumi.export("url", site.url)
pulumi.export("admin_password", site.admin_password)
