"""Where a machine is reached: the operator's map, else the address that it published, checked."""

from fleettui.access import HostUnreachable
from fleettui.model.cluster import Machine
from fleettui.model.hop import Hop
from fleettui.model.place import AddressMap, Place, checked_host
from fleettui.model.untrusted import Untrusted


def address_of(machine: Machine, addresses: AddressMap) -> Place:
    """Host, and port where it is one of its own. Raises HostUnreachable."""
    place = addresses.place_of(machine)
    if place is not None:
        return place
    if not machine.public_ip.raw:
        short = Untrusted(machine.id.raw[:8])
        raise HostUnreachable(
            "the machine has published no address: say where it is with "
            f"--address {short}=HOST, or under [addresses] in the config file",
            Hop.ADDRESS,
        )
    return Place(parse_address(machine.public_ip))


def parse_address(public_ip: Untrusted) -> str:
    """`public_ip` as an IP address or a strict host name. Raises HostUnreachable.

    It was written to etcd by anybody, and ends in a connection, in a known_hosts line and in the
    `%h` of the user's ProxyCommand.
    """
    if not public_ip.raw:
        raise HostUnreachable("the machine has published no address", Hop.ADDRESS)
    try:
        return checked_host(public_ip.raw)
    except ValueError as error:
        raise HostUnreachable(f"the machine's address {public_ip} {error}", Hop.ADDRESS) from None
