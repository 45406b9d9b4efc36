"""The connection to a scheduler: addresses, certificates, and what else may listen
there.
"""

import socket
import time

import cluster_tasks
import dask
import distributed
import pytest
from cluster_runs import baselines, run
from clusters import cluster

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.plugins.dask import connection
from rnnbench.plugins.dask.executor import DaskExecutor


def jobs_at(address):
    return DaskExecutor(address=address).jobs


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Dask's configuration with a certificate and its key, for all that take part."""
    folder = tmp_path_factory.mktemp("certificates")
    made = distributed.Security.temporary()
    texts = {"ca-file": made.tls_ca_file}
    for role in ("scheduler", "worker", "client"):
        texts[f"{role}.cert"] = getattr(made, f"tls_{role}_cert")
        texts[f"{role}.key"] = getattr(made, f"tls_{role}_key")
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {f"distributed.comm.tls.{name}": str(folder / name) for name in texts}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory, certificates):
    """A cluster of one worker that uses the certificates, as this process does
    meanwhile.
    """
    names = str.maketrans({".": "__", "-": "_"})
    environment = {
        f"DASK_{key.translate(names).upper()}": at for key, at in certificates.items()
    }
    folder = tmp_path_factory.mktemp("cluster")
    with (
        dask.config.set(certificates),
        cluster(folder, 1, "--protocol", "tls", **environment) as made,
    ):
        yield made


def test_with_certificates_everything_is_encrypted(encrypted, tmp_path, caplog):
    outcomes = run(encrypted, baselines(tmp_path, 2), tmp_path, cluster_tasks.process)

    assert encrypted.address.startswith("tls://")
    assert outcomes.keys() == {0, 1}
    assert not caplog.text


def test_certificates_that_are_missing_or_cannot_be_read_are_named(certificates):
    without = dict.fromkeys(certificates)
    with (
        dask.config.set(without),
        pytest.raises(UserError, match="names no certificates"),
    ):
        jobs_at("tls://127.0.0.1:8786")
    missing = {"distributed.comm.tls.client.cert": "/no/such.pem"}
    message = r"distributed\.comm\.tls .*: .*No such file.*, /no/such\.pem, /"
    with (
        dask.config.set(certificates | missing),
        pytest.raises(UserError, match=message),
    ):
        jobs_at("tls://127.0.0.1:8786")


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://192.0.2.7:8786", True),
        ("tls://192.0.2.7:8786", False),
    ],
)
def test_only_a_port_that_others_reach_without_encryption_is_warned_of(
    address, is_open, caplog
):
    for addresses in (
        ("tcp://127.0.0.1:8786", address),
        (address, "tcp://127.0.0.1:8786"),
    ):
        caplog.clear()
        connection.warn_if_open(*addresses)

        assert ("whoever reaches this port can run code" in caplog.text) is is_open


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("nowhere.json", UserError, "nowhere.json: has no address: .*No such file"),
        ("foo://host:1", UserError, "unknown address scheme 'foo'"),
        ("tcp://127.0.0.1", UserError, "missing port number"),
        (
            "tcp://nowhere.invalid:1",
            OutOfReachError,
            "no Dask scheduler can be reached",
        ),
    ],
)
def test_an_address_that_is_none_is_named(address, error, message):
    with pytest.raises(error, match=message):
        jobs_at(address)


def test_something_that_listens_but_says_nothing_is_no_scheduler(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        with pytest.raises(
            OutOfReachError, match="no Dask scheduler can be reached: no answer"
        ):
            jobs_at(f"tcp://127.0.0.1:{mute.getsockname()[1]}")
    assert time.monotonic() - begin < 5


def test_the_address_of_a_worker_is_not_taken_for_that_of_a_scheduler(encrypted):
    worker = encrypted.workers()["w0"]

    for address, kind in ((worker["address"], "worker"), (worker["nanny"], "nanny")):
        with pytest.raises(OutOfReachError, match=f"a Dask {kind} listens there"):
            jobs_at(address)


def test_without_an_address_dask_is_asked_for_one(encrypted):
    with pytest.raises(UserError, match="needs a scheduler: give --scheduler"):
        jobs_at(None)
    with dask.config.set({"scheduler-address": encrypted.address}):
        assert jobs_at(None) == 1
