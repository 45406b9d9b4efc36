"""The connection of the executor ``dask`` to a scheduler."""

import asyncio
import ipaddress
import json
import logging
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rnnbench.errors import OutOfReachError, UserError

log = logging.getLogger(__name__)

CONNECT_SECONDS, CLOSE_SECONDS = 10.0, 2.0  # for a scheduler to answer, and to take leave of us
RETRIES = 3  # of the connection for a result: this costs less than training again
# Dask's messages are many, and look like errors of ours.
LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")
NO_WORKERS = """{0}: the scheduler has no workers. Where rnnbench is installed, this starts four:
  dask worker {0} --nthreads 1 --nworkers 4"""
OPEN = """%s: not encrypted: whoever reaches this port can run code on the cluster and read the \
documents (tls:// with certificates is safe)"""
EXAMPLE = "should be tcp://HOST:8786, tls://HOST:8786 or a scheduler file"


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Yield a client of the Dask scheduler at ``address``; by default of Dask's configuration.

    Dask's own messages are not shown meanwhile. ``UserError`` or ``OutOfReachError`` is raised.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise UserError(f"dask: needs pip install 'rnnbench[dask]' ({error})") from error
    configured = (dask.config.get(f"scheduler-{name}", None) for name in ("address", "file"))
    found = _address_in(address or next(filter(None, configured), ""))
    with ExitStack() as stack, dask.config.set({"distributed.comm.retry.count": RETRIES}):
        for logger in map(logging.getLogger, LOGGERS):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        client = _connect(distributed, found)
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close(timeout=CLOSE_SECONDS)
            # Otherwise it would be closed again, and take its time, when it is collected.
            client.status = "closed"


def _address_in(given: str) -> str:
    if not given:
        raise UserError(
            "the executor 'dask' needs a scheduler: give --scheduler tcp://HOST:8786 (or a "
            "scheduler file), or set DASK_SCHEDULER_ADDRESS; `dask scheduler` starts one"
        )
    if "://" in given or (":" in given and not Path(given).exists()):
        return given if "://" in given else f"tcp://{given}"
    try:
        return str(json.loads(Path(given).read_text())["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--scheduler {given}: has no address: {error} ({EXAMPLE})") from error


def _connect(distributed: Any, address: str) -> Any:
    """Return a client; ask first what listens, because a client waits for ever if it is silent."""
    try:
        distributed.comm.resolve_address(address)
    except ValueError as error:
        raise UserError(f"--scheduler {address}: {error} ({EXAMPLE})") from error
    except OSError as error:
        raise _out_of_reach(address, error) from error
    security = _certificates(distributed.Security(), address)

    async def ask_for_workers() -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            comm = await distributed.comm.connect(address, timeout=CONNECT_SECONDS, **security)
            try:
                answer = await distributed.core.send_recv(comm, op="identity", reply=True)
            finally:
                comm.abort()
        if "workers" not in answer:
            raise OSError(f"a Dask {answer.get('type', 'server').lower()} listens there")

    try:
        with ThreadPoolExecutor(1) as pool:  # for notebooks, whose thread has a loop of its own
            pool.submit(asyncio.run, ask_for_workers()).result()
        return distributed.Client(
            address, timeout=CONNECT_SECONDS, set_as_default=False, direct_to_workers=False
        )
    except ImportError as error:  # Dask's versions, or something that it needs
        raise UserError(f"{address}: {error}") from error
    except Exception as error:  # what else listens there may say anything
        raise _out_of_reach(address, error) from error


def _certificates(security: Any, address: str) -> Mapping[str, Any]:
    """Return what a connection needs of Dask's configuration."""
    where = f"--scheduler {address}: distributed.comm.tls in Dask's configuration"
    try:
        found: Mapping[str, Any] = security.get_connection_args("client")
    except (OSError, ValueError) as error:  # which names no file
        files = security.get_tls_config_for_role("client")
        values = [files[name] or "" for name in ("ca_file", "cert", "key")]
        paths = ", ".join(value for value in values if "\n" not in value)  # or a key itself
        raise UserError(f"{where}: {error} ({paths})") from error
    if urlsplit(address).scheme in {"tls", "wss"} and found.get("ssl_context") is None:
        raise UserError(f"{where}: names no certificates (ca-file, client.cert and client.key)")
    return found


def _out_of_reach(address: str, error: Exception) -> OutOfReachError:
    reason = str(error).partition("\n")[0] or f"no answer within {CONNECT_SECONDS:.0f} s"
    return OutOfReachError(f"{address}: no Dask scheduler can be reached: {reason}")


def warn_if_open(address: str) -> None:
    """Warn if other machines can reach a scheduler at its address, unencrypted."""
    parts, is_loopback = urlsplit(address), False
    if parts.scheme not in {"tls", "wss", "inproc"}:
        with suppress(OSError):  # there is no such host
            found = {facts[4][0] for facts in socket.getaddrinfo(parts.hostname or "", None)}
            is_loopback = all(ipaddress.ip_address(str(host)).is_loopback for host in found)
        if not is_loopback:
            log.warning(OPEN, address)


def identity_of(client: Any) -> Mapping[str, Any]:
    """Return what a scheduler says about itself and all its workers."""
    ask, seconds = client.scheduler.identity, CONNECT_SECONDS
    try:
        return client.sync(ask, n_workers=-1, callback_timeout=seconds)  # type: ignore[no-any-return]
    except OSError as error:
        raise _out_of_reach(client.scheduler.address, error) from error
