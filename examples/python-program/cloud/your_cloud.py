"""Stands for the SDK of your cloud provider."""

import pulumi


class Machine(pulumi.CustomResource):
    """A virtual machine, with an address and an ssh host key that are known when it has been made."""

    address: pulumi.Output[str]
    host_key: pulumi.Output[str]

    def __init__(self, name: str, *, image: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make a machine."""
        props = {"image": image, "address": None, "host_key": None}
        super().__init__("your-cloud:index:Machine", name, props, opts)


class Record(pulumi.CustomResource):
    """An address in DNS."""

    def __init__(self, name: str, *, value: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make a record."""
        super().__init__("your-cloud:index:Record", name, {"value": value}, opts)
