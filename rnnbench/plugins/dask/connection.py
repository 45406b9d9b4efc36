"""The connection to the scheduler of a Dask cluster.

``with connected("tcp://host:8786") as (client, scheduler): ...``
"""

import asyncio
import ipaddress
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from rnnbench import OutOfReachError, UserError

if TYPE_CHECKING:
    from distributed import Client, Security

log = logging.getLogger(__name__)
CONNECT_SECONDS = 10.0  # for a scheduler to answer
CLOSE_SECONDS = 2.0  # for it to take leave of us
RETRIES = 3  # of the connection for a result: this costs less than training again
# Dask's messages are many, and look like errors of ours.
LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
OPEN = (
    "%s: not encrypted: whoever reaches this port can run code on the cluster and read "
    "the documents (tls:// with certificates is safe)"
)
EXAMPLE = "should be tcp://HOST:8786, tls://HOST:8786 or a scheduler file"
NEED = (
    "needs a scheduler: give --scheduler tcp://HOST:8786 (or a scheduler file), or set "
    "DASK_SCHEDULER_ADDRESS; `dask scheduler` starts one"
)
ENCRYPTED = {"tls", "wss"}


class WorkerState(TypedDict):
    """Some of what a scheduler says about a worker."""

    name: str
    nthreads: int
    status: str
    resources: dict[str, float]


class Scheduler(TypedDict):
    """Some of what a scheduler says about itself."""

    address: str
    workers: dict[str, WorkerState]  # by address


@contextmanager
def connected(address: str | None) -> Iterator[tuple["Client", Scheduler]]:
    """Yield a client, and what the scheduler says about itself.

    Its address may stand in Dask's configuration. Errors name it.
    """
    try:
        import dask
        import distributed  # noqa: F401 - whether it is there
    except ImportError as error:
        raise UserError(
            f"dask: needs pip install 'rnnbench[dask]' ({error})"
        ) from error
    address = (
        address
        or dask.config.get("scheduler-address", None)
        or dask.config.get("scheduler-file", None)
    )
    address = _address_in(address or "")
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.comm.retry.count": RETRIES}))
        for name in LOGGERS:
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        client, scheduler = _connect(address)
        try:
            yield client, scheduler
        finally:
            with suppress(Exception):
                client.close(timeout=CLOSE_SECONDS)
            # Otherwise it would be closed again, and take its time, when it is
            # collected.
            client.status = "closed"


def _address_in(place: str) -> str:
    """Return the address that a user gives, or that stands in a scheduler file."""
    if not place:
        raise UserError(f"the executor 'dask' {NEED}")
    if "://" in place:
        return place
    if ":" in place and not Path(place).exists():
        return f"tcp://{place}"
    try:
        return str(json.loads(Path(place).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault = f"has no address: {error}"
        raise UserError(f"--scheduler {place}: {fault} ({EXAMPLE})") from error


def _connect(address: str) -> tuple["Client", Scheduler]:
    """Return a client, and what the scheduler says.

    What listens is asked first, because a client waits for ever if it is silent.
    """
    import distributed

    try:
        distributed.comm.resolve_address(address)
    except ValueError as error:
        raise UserError(f"--scheduler {address}: {error} ({EXAMPLE})") from error
    except OSError as error:
        raise _out_of_reach(address, error) from error
    security = _certificates(distributed.Security(), address)
    try:
        # For notebooks, whose thread has a loop of its own.
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(asyncio.run, _identify(address, security))
            scheduler = asking.result()
        client = distributed.Client(
            address,
            timeout=CONNECT_SECONDS,
            set_as_default=False,
            direct_to_workers=False,
        )
    except ImportError as error:  # Dask's versions, or something that it needs
        raise UserError(f"{address}: {error}") from error
    except Exception as error:  # what else listens there may say anything
        raise _out_of_reach(address, error) from error
    return client, scheduler


async def _identify(address: str, security: Mapping[str, object]) -> Scheduler:
    """Return what the scheduler at an address says about itself."""
    import distributed

    async with asyncio.timeout(CONNECT_SECONDS):
        comm = await distributed.comm.connect(
            address, timeout=CONNECT_SECONDS, **security
        )
        try:
            scheduler = await distributed.core.send_recv(comm, op="identity")
        finally:
            comm.abort()
    if "workers" not in scheduler:
        kind = scheduler.get("type", "server").lower()
        raise OSError(f"a Dask {kind} listens there")
    answer: Scheduler = scheduler
    return answer


def _certificates(security: "Security", address: str) -> Mapping[str, object]:
    """Return what a connection needs of Dask's configuration."""
    where = f"--scheduler {address}: distributed.comm.tls in Dask's configuration"
    try:
        arguments: Mapping[str, object] = security.get_connection_args("client")
    except (OSError, ValueError) as error:  # which names no file
        config = security.get_tls_config_for_role("client")
        files = [config[key] or "" for key in ("ca_file", "cert", "key")]
        paths = ", ".join(file for file in files if "\n" not in file)  # or a key itself
        raise UserError(f"{where}: {error} ({paths})") from error
    if urlsplit(address).scheme in ENCRYPTED and arguments.get("ssl_context") is None:
        needed = "ca-file, client.cert and client.key"
        raise UserError(f"{where}: names no certificates ({needed})")
    return arguments


def _out_of_reach(address: str, error: Exception) -> OutOfReachError:
    reason = str(error).partition("\n")[0]
    if not reason:
        reason = f"no answer within {CONNECT_SECONDS:.0f} s"
    return OutOfReachError(f"{address}: no Dask scheduler can be reached: {reason}")


def warn_if_open(*addresses: str) -> None:
    """Warn if other machines can reach a scheduler unencrypted, by any address."""
    for address in addresses:
        parts = urlsplit(address)
        is_safe = parts.scheme in ENCRYPTED or parts.scheme == "inproc"
        if not is_safe and not _is_loopback(parts.hostname or ""):
            log.warning(OPEN, address)
            return


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine, and no other can reach it."""
    try:
        hosts = [answer[4][0] for answer in socket.getaddrinfo(host, None)]
    except OSError:  # there is no such host
        return False
    return all(ipaddress.ip_address(str(name)).is_loopback for name in hosts)
