"""How a machine is reached: ssh, rsync, scripts. No Pulumi in here."""
