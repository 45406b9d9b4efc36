"""The connection of the executor ``dask`` to a scheduler."""

import asyncio
import ipaddress
import json
import logging
import socket
import warnings
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rnnbench.errors import OutOfReachError, UserError

log = logging.getLogger(__name__)

R = TypeVar("R")

CONNECT_SECONDS = 10.0
RETRIES = 3
"""How often to reconnect for a result: this costs less than training again."""
CLOSE_SECONDS = 2.0
"""The time that a scheduler has to take leave of us; one that stalls does not."""
ENCRYPTED = ("tls", "wss", "inproc")
"""The schemes of addresses that are encrypted, or do not leave this process."""
EXAMPLE = "should be tcp://HOST:8786, tls://HOST:8786 or a scheduler file"


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Yield a client of the Dask scheduler at ``address``; by default of Dask's configuration.

    Dask's own messages are not shown meanwhile: what matters of them, we say.

    Raises:
        UserError: ``distributed`` is not installed, there is no address, or it is none.
        OutOfReachError: no scheduler answers.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise UserError(
            f"the executor 'dask' needs distributed: pip install 'rnnbench[dask]' ({error})"
        ) from error
    found = _address_in(address or _configured())
    with _quiet(), dask.config.set({"distributed.comm.retry.count": RETRIES}):
        client = _connect(distributed, found)
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close(timeout=CLOSE_SECONDS)
            # Otherwise it would be closed again, and take its time, when it is collected.
            client.status = "closed"


def _configured() -> str:
    """Return the address or scheduler file of Dask's configuration."""
    import dask

    for key in ("scheduler-address", "scheduler-file"):
        if found := dask.config.get(key, None):
            return str(found)
    raise UserError(
        "the executor 'dask' needs a scheduler: give --scheduler tcp://HOST:8786 (or a scheduler "
        "file), or set DASK_SCHEDULER_ADDRESS; `dask scheduler` starts one"
    )


def _address_in(given: str) -> str:
    """Return an address, which may be in a scheduler file."""
    if "://" in given:
        return given
    if not given.endswith(".json") and ":" in given and not Path(given).exists():
        return f"tcp://{given}"
    try:
        address = json.loads(Path(given).read_text())["address"]
    except OSError as error:
        raise UserError(f"--scheduler {given}: {error.strerror} ({EXAMPLE})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--scheduler {given}: not a scheduler file: it has no address") from error
    if not isinstance(address, str):
        raise UserError(f"--scheduler {given}: not a scheduler file: its address is {address!r}")
    return address


def _connect(distributed: Any, address: str) -> Any:
    _check(distributed, address)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client = distributed.Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, direct_to_workers=False
            )
    except OSError as error:
        raise _out_of_reach(address, error) from error
    except ImportError as error:  # Dask's versions, or something that it needs
        raise UserError(f"{address}: {error}") from error
    if any("Mismatch" in each.category.__name__ for each in caught):
        _warn_of_versions(address)
    return client


@lru_cache  # once for all connections
def _warn_of_versions(address: str) -> None:
    log.warning("%s: other versions of Dask run there; the same ones are safer", address)


def _check(distributed: Any, address: str) -> None:
    """Make sure that an address is one: a client that cannot even try it takes long to close.

    Raises:
        UserError: it is none, or Dask's configuration has no certificates for it.
        OutOfReachError: there is no such host.
    """
    try:
        distributed.comm.resolve_address(address)
    except OSError as error:
        raise _out_of_reach(address, error) from error
    except ValueError as error:
        raise UserError(f"--scheduler {address}: {error} ({EXAMPLE})") from error
    try:
        security = _certificates(distributed.Security())
    except ValueError as error:
        raise UserError(f"--scheduler {address}: distributed.comm.tls: {error}") from error
    if urlsplit(address).scheme in {"tls", "wss"} and security.get("ssl_context") is None:
        raise UserError(
            f"--scheduler {address}: needs certificates (ca-file, client.cert and client.key of "
            "distributed.comm.tls in Dask's configuration)"
        )
    try:
        with ThreadPoolExecutor(1) as pool:  # for notebooks, whose thread has a loop of its own
            pool.submit(asyncio.run, _knock(distributed, address, security)).result()
    except Exception as error:  # what else listens there may say anything
        raise _out_of_reach(address, error) from error


def _certificates(security: Any) -> Mapping[str, Any]:
    """Return what a connection needs of Dask's configuration.

    Raises:
        UserError: the files that it names cannot be read.
    """
    try:
        return security.get_connection_args("client")  # type: ignore[no-any-return]
    except OSError as error:  # which names no file
        files = security.get_tls_config_for_role("client")
        values = [files[each] or "" for each in ("ca_file", "cert", "key")]
        paths = ", ".join(each for each in values if "\n" not in each)  # it may be a key itself
        raise UserError(
            "the certificates of distributed.comm.tls in Dask's configuration cannot be read: "
            f"{error} ({paths})"
        ) from error


async def _knock(distributed: Any, address: str, security: Mapping[str, Any]) -> None:
    """Ask once what listens there, because a client would wait for ever if it is silent.

    Raises:
        OSError: it is not a scheduler, or does not answer.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        comm = await distributed.comm.connect(address, timeout=CONNECT_SECONDS, **security)
        try:
            answer = await distributed.core.send_recv(comm, op="identity", reply=True)
        finally:
            comm.abort()
    if "workers" not in answer:
        raise OSError(f"a Dask {answer.get('type', 'server').lower()} listens there")


def _out_of_reach(address: str, error: Exception) -> OutOfReachError:
    reason = str(error).partition("\n")[0] or f"no answer within {CONNECT_SECONDS:.0f} s"
    return OutOfReachError(f"{address}: no Dask scheduler can be reached: {reason}")


def warn_if_open(*addresses: str) -> None:
    """Warn if other machines can reach a scheduler without encryption.

    ``addresses`` are the one that we use, and the one that the scheduler gives.
    """
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme not in ENCRYPTED and not _is_loopback(parts.hostname or ""):
            log.warning(
                "%s: not encrypted: whoever reaches this port can run code on the cluster and read "
                "the documents (tls:// with certificates is safe)",
                address,
            )
            return


def _is_loopback(host: str) -> bool:
    try:
        found = {str(facts[4][0]) for facts in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(each).is_loopback for each in found)


def in_thread(client: Any, work: Coroutine[Any, Any, R]) -> "Future[R]":
    """Run a coroutine in the thread of a client."""
    return asyncio.run_coroutine_threadsafe(work, client.loop.asyncio_loop)


def cores_of(client: Any) -> int:
    """Return how many threads the workers of a cluster have.

    Raises:
        OutOfReachError: there are no workers, or the scheduler does not answer.
    """
    if cores := sum(facts["nthreads"] for facts in identity_of(client)["workers"].values()):
        return int(cores)
    raise OutOfReachError(no_workers(client.scheduler.address))


def identity_of(client: Any) -> Mapping[str, Any]:
    """Return what a scheduler says about itself and all its workers.

    Raises:
        OutOfReachError: it does not answer.
    """
    asking = in_thread(client, client.scheduler.identity(n_workers=-1))
    try:
        found: Mapping[str, Any] = asking.result(CONNECT_SECONDS)
    except OSError as error:
        asking.cancel()
        raise _out_of_reach(client.scheduler.address, error) from error
    return found


def no_workers(address: str) -> str:
    """Return what to say of a scheduler that has no workers."""
    return (
        f"{address}: the scheduler has no workers. Where rnnbench is installed, this starts four:\n"
        f"  dask worker {address} --nthreads 1 --nworkers 4"
    )


def dashboard_of(client: Any) -> str:
    """Return the address of the scheduler's dashboard; empty if there is none."""

    async def link() -> str:  # Dask asks the scheduler again, for ever, except in its own thread
        return client.dashboard_link or ""

    try:
        return in_thread(client, link()).result(CONNECT_SECONDS)
    except (KeyError, OSError):
        return ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the messages of Dask from the terminal: they are many, and look like errors of ours."""
    names = ("distributed", "distributed.client", "tornado.application", "asyncio")
    loggers = [logging.getLogger(name) for name in names]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
