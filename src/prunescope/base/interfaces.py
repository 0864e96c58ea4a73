"""By which of its network interfaces does this machine reach another?"""

import fcntl
import socket
import struct
from contextlib import suppress

_SIOCGIFADDR = 0x8915  # asks Linux for an interface's address


def interface_to(host: str) -> str | None:
    """Return the name of the interface by which a host is reached, as in "eth0".

    None where that is not known: for a host without an IPv4 address, or outside Linux.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect((host, 1))  # sends nothing
        ours = probe.getsockname()[0]
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # of one without an address
                request = struct.pack("256s", name[:15].encode())
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
                if socket.inet_ntoa(answer[20:24]) == ours:
                    return name
    return None
