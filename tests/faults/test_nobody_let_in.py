"""Nobody else gets work into a cluster, and the ways into somebody's are checked and said."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.commands.request import Request
from benchmarks.records.store import Store
from benchmarks.running.connection import LOCAL, _security, open_client

NOBODY = 65534


# ------------------------------------------------------------------ another user of the machine


def knock(host: str, port: int, encrypted: bool) -> bool:
    """Say whether a cluster answers somebody without its keys."""
    with socket.create_connection((host, port), timeout=10) as connection:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            door = context.wrap_socket(connection) if encrypted else connection
            door.sendall((8).to_bytes(8, "little") + bytes(8))
            return bool(door.recv(1))
        except (ssl.SSLError, ConnectionError):
            return False


def secrets_of(pid: int) -> bool:
    """Say whether another user can read keys off a process: its arguments are anyone's to read, its memory is not."""
    if b"PRIVATE KEY" in Path(f"/proc/{pid}/cmdline").read_bytes():
        return True
    for name in ("environ", "mem", "fd"):
        try:
            os.listdir(f"/proc/{pid}/{name}") if name == "fd" else os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
        except OSError:
            continue
        return True
    return False


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork beside threads
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can try as another user")
def test_another_user_of_the_machine_is_not_let_in() -> None:
    with open_client(1, Request(results=Path("unused"))) as client:
        address = urlparse(client.scheduler.address)
        processes = [process.pid for process in psutil.Process().children(recursive=True)]
        assert client.submit(sum, [1, 2]).result() == 3
        child = os.fork()
        if not child:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            host, port = str(address.hostname), int(address.port or 0)
            inside = [knock(host, port, True), knock(host, port, False), *map(secrets_of, processes)]
            os._exit(any(inside))
        assert os.waitpid(child, 0)[1] == 0
        assert client.submit(sum, [2, 2]).result() == 4


def test_the_local_cluster_has_no_pages_for_anybody() -> None:
    assert LOCAL["distributed.scheduler.http.routes"] == LOCAL["distributed.worker.http.routes"] == []


# ------------------------------------------------------------------ somebody's scheduler


def certificates(folder: Path) -> dict[str, Path]:
    """Make an authority, and a certificate of it that serves both ends; return the files by option."""
    folder.mkdir()
    now = datetime.datetime.now(datetime.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "end")}
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"authority of {folder.name}")])
    for name, key in keys.items():
        subject = issuer if name == "ca" else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .sign(keys["ca"], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(secret)
    return {"--tls-ca": folder / "ca.pem", "--tls-cert": folder / "end.pem", "--tls-key": folder / "end.key"}


def options(files: dict[str, Path]) -> list[str]:
    return [part for name, path in files.items() for part in (name, str(path))]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cluster of threads that talks over TLS with certificates of ours."""
    from distributed import LocalCluster
    from distributed.security import Security

    files = certificates(tmp_path_factory.mktemp("tls") / "ours")
    ends = {
        f"tls_{end}_{kind}": str(files[f"--tls-{kind}"])
        for end in ("scheduler", "worker", "client")
        for kind in ("cert", "key")
    }
    security = Security(tls_ca_file=str(files["--tls-ca"]), require_encryption=True, **ends)
    here = {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(
        n_workers=1, processes=False, protocol="tls", security=security, dashboard_address=None, scheduler_kwargs=here
    ) as cluster:
        yield cluster.scheduler_address, files


pytestmark = pytest.mark.filterwarnings("ignore")  # of sockets that Dask closes late


def test_an_encrypted_scheduler_is_used_with_its_certificates(bench: Any, encrypted: Any) -> None:
    address, files = encrypted
    answer = bench("--scheduler", address, *options(files), "--method", "focal")
    assert answer.code == 0, answer.out + answer.err
    assert len(list(Store(bench.results).records())) == 1


@pytest.mark.parametrize("wrong", ["other authority", "no certificate", "other key", "empty file", "no file"])
def test_wrong_certificates_are_a_sentence(
    bench: Any, encrypted: Any, monkeypatch: Any, tmp_path: Path, wrong: str
) -> None:
    monkeypatch.setattr("benchmarks.running.connection.CONNECT_S", 1.0)
    address, files = encrypted
    other, empty = certificates(tmp_path / "theirs"), tmp_path / "empty.pem"
    empty.touch()
    given = {
        "other authority": other,
        "no certificate": {name: path for name, path in files.items() if name != "--tls-cert"},
        "other key": files | {"--tls-key": other["--tls-key"]},
        "empty file": files | {"--tls-cert": empty},
        "no file": files | {"--tls-ca": tmp_path / "nowhere.pem"},
    }[wrong]
    answer = bench("--scheduler", address, *options(given), "--method", "focal")
    assert answer.code == 2, answer.out + answer.err
    assert answer.err.count("\n") == 1
    assert "--tls-c" in answer.err or str(tmp_path) in answer.err
    assert not list(bench.results.glob("cells/*"))


def test_a_scheduler_without_encryption_is_warned_of_in_one_line(caplog: Any) -> None:
    _security(Request(results=Path("unused"), scheduler="tcp://10.0.0.7:8786"))
    (warning,) = caplog.messages
    assert warning.startswith("tcp://10.0.0.7:8786 is not encrypted")
    assert "\n" not in warning
