"""By which names the page may be reached.

A name that belongs to somebody else can be made to mean this machine (DNS rebinding); his page, open in the same
browser, could then read this one. Addresses cannot.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection


def is_own(host: str, names: Collection[str] = ()) -> bool:
    """Whether a request's ``Host`` header is an address, this machine's name, or one of ``names``.

    Args:
        host: the header, perhaps with a port.
        names: that were said to be right, in any case.
    """
    name = host.strip().lower()
    if name.startswith("["):  # an IPv6 address
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.rstrip(".") in {"localhost", socket.gethostname().lower(), *(each.lower() for each in names)}
    return True
