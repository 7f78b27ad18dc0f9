"""Every credential source that fails says what was looked for, where, and what to do; no traceback of botocore's."""

import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from windlass.cli.main import _run
from windlass.core.aws_errors import service_error
from windlass.core.errors import AccessDenied, ConfigError, WindlassError
from windlass.estate.config import EstateConfig
from windlass.estate.credential_errors import CredentialSource, explain, no_credentials
from windlass.estate.credentials import base_session
from windlass.estate.policy import CONTAINER, INSTANCE, PROCESS, WEB_IDENTITY
from windlass.estate.service import open_estate

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE = "arn:aws:iam::111111111111:role/pod"


class Refuser(BaseHTTPRequestHandler):
    """Refuses AssumeRole and AssumeRoleWithWebIdentity as STS does."""

    def do_POST(self):
        body = (
            b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error></ErrorResponse>"
        )
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(403)
        self.send_header("content-type", "text/xml")
        self.send_header("x-amzn-requestid", "1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def sts():
    with HTTPServer(("127.0.0.1", 0), Refuser) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Writes ~/.aws/config of the test's own home."""
    folder = tmp_path / "home" / ".aws"
    folder.mkdir(parents=True)
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(folder / "sso" / "cache"))
    monkeypatch.setattr("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR", str(folder / "sso" / "cache"))
    return lambda text: (folder / "config").write_text(text)


def failure(monkeypatch, *, profile="", environment="production", **environ):
    """What the first use of the credentials raises, with what whoami says of it."""
    monkeypatch.setenv("WINDLASS_ENV", environment)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    import os

    with open_estate(EstateConfig(allow_endpoint_override=True), os.environ, profile=profile) as estate:
        with pytest.raises(WindlassError) as caught:
            estate.accounts()
        [identity] = estate.whoami().identities
        assert caught.value.message in identity.error
    assert caught.value.hint
    return caught.value


def test_a_web_identity_token_file_that_is_not_there(monkeypatch):
    error = failure(monkeypatch, AWS_WEB_IDENTITY_TOKEN_FILE="/var/run/none/token", AWS_ROLE_ARN=ROLE)
    assert isinstance(error, ConfigError)
    assert "/var/run/none/token" in error.message
    assert ROLE in error.message
    assert "No such file" in error.message
    assert "eks.amazonaws.com/role-arn" in error.hint


def test_a_web_identity_that_sts_refuses(monkeypatch, tmp_path, sts, caplog):
    (tmp_path / "token").write_text("a.b.c")
    error = failure(
        monkeypatch, AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"), AWS_ROLE_ARN=ROLE, AWS_ENDPOINT_URL=sts
    )
    assert "AssumeRoleWithWebIdentity answered AccessDenied" in error.message
    assert "trust policy" in error.hint
    assert not caplog.records, "botocore's warning and traceback stay out of the terminal"


@pytest.mark.parametrize(
    ("environ", "message", "hint"),
    [
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.1.2.3/creds"}, "10.1.2.3", "correct"),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/creds",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/none/token",
            },
            "/var/run/none/token can't be read: No such file",
            "Pod Identity agent",
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/creds",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "two\nlines",
            },
            "not a legal header value",
            "Pod Identity agent",
        ),
    ],
)
def test_container_endpoints_that_botocore_refuses(monkeypatch, environ, message, hint):
    error = failure(monkeypatch, **environ)
    assert isinstance(error, ConfigError)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in error.message
    assert message in error.message
    assert hint in error.hint


SSO = """
[profile me]
sso_session = work
sso_account_id = 111111111111
sso_role_name = Reader
[profile old]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111111111111
sso_role_name = Reader
[profile chained]
role_arn = arn:aws:iam::222222222222:role/Reader
source_profile = me
[sso-session work]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
"""


@pytest.mark.parametrize(("profile", "login"), [("me", "me"), ("old", "old"), ("chained", "me")])
def test_sso_without_a_login_names_the_command(monkeypatch, home, caplog, profile, login):
    home(SSO)
    error = failure(monkeypatch, profile=profile)
    assert f"aws sso login --profile {login}" in error.hint
    assert "token" in error.message
    assert profile in error.message
    assert not [record for record in caplog.records if record.exc_info], "no traceback"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sh -c 'echo the vault is sealed >&2; exit 3'", "the vault is sealed"),
        ("sh -c 'exit 3'", "printed no reason"),
        ("/no/such/program --now", "program /no/such/program does not exist"),
        (f"echo {SECRET}", "is not JSON"),
        ("""echo '{"Version": 7}'""", "Unsupported version"),
        (f"sh -c 'echo {SECRET} >&2; exit 1'", "***"),
    ],
)
def test_a_credential_process_says_why_it_failed_and_no_secret(monkeypatch, home, command, message):
    home(f"[profile me]\ncredential_process = {command}\n")
    error = failure(monkeypatch, profile="me")
    assert isinstance(error, ConfigError)
    assert message in error.message
    assert "credential_process of profile 'me'" in error.message
    assert SECRET not in error.message


def test_a_profile_whose_role_is_refused(monkeypatch, home, sts, caplog):
    home(
        "[profile me]\nrole_arn = arn:aws:iam::222222222222:role/Reader\nsource_profile = keys\n"
        f"[profile keys]\naws_access_key_id = AKIA111111111111\naws_secret_access_key = {SECRET}\n"
    )
    error = failure(monkeypatch, profile="me", AWS_ENDPOINT_URL=sts)
    assert "arn:aws:iam::222222222222:role/Reader" in error.message
    assert "AssumeRole answered AccessDenied" in error.message
    assert not caplog.records


def test_whoami_prints_the_failure_and_no_traceback(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINDLASS_ENV", "production")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/none/token")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    assert _run(["whoami"], debug=False) == 253
    printed = capsys.readouterr()
    assert "/var/run/none/token" in printed.err
    assert "Traceback" not in printed.err + printed.out


def test_when_nothing_has_credentials_every_place_is_named():
    sources = [
        CredentialSource(method=CONTAINER, environ={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[::1]/x?token=1"}),
        CredentialSource(method=INSTANCE),
    ]
    error = no_credentials(sources)
    assert "http://[::1]/x (AWS_CONTAINER_CREDENTIALS_FULL_URI), then the instance metadata" in error.message
    assert "hop limit" in error.hint


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("still expired"), OSError(13, "Permission denied", "f")])
@pytest.mark.parametrize("method", [WEB_IDENTITY, CONTAINER, INSTANCE, PROCESS, "sso", "login", "anything else"])
def test_whatever_a_provider_raises_becomes_a_plain_message(method, error):
    found = explain(error, CredentialSource(method=method, profile="me"))
    assert isinstance(found, ConfigError)
    assert found.hint
    assert found.message


def test_a_renewal_that_fails_in_good_time_is_one_line(caplog):
    logger = logging.getLogger("botocore.credentials")
    base_session_of_keys()
    with caplog.at_level(logging.WARNING):
        try:
            raise OSError(2, "No such file", "/token")
        except OSError:
            logger.warning(
                "Refreshing temporary credentials failed during %s refresh period.", "advisory", exc_info=True
            )
    [record] = caplog.records
    assert "advisory refresh period. [Errno 2] No such file: '/token'" in record.getMessage()
    assert not record.exc_info


def base_session_of_keys():
    from windlass.estate.policy import EnvironmentFacts, decide

    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        return base_session(decide(EnvironmentFacts(key_id=True, secret_key=True)), region="eu-west-1")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that no store on this machine trusts, and its key."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize("trusted", [True, False])
def test_botocores_own_sts_client_trusts_the_estates_certificates(monkeypatch, tmp_path, trusted):
    import os

    bundle, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    (tmp_path / "token").write_text("a.b.c")
    with HTTPServer(("127.0.0.1", 0), Refuser) as server:
        server.handle_error = lambda *_: None  # a client that does not trust it hangs up
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        monkeypatch.setenv("WINDLASS_ENV", "production")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.server_port}")
        config = EstateConfig(allow_endpoint_override=True, ca_bundle=str(bundle) if trusted else "")
        with open_estate(config, os.environ) as estate, pytest.raises(WindlassError) as caught:
            estate.accounts()
        server.shutdown()
        thread.join()
    if trusted:
        assert "AssumeRoleWithWebIdentity answered AccessDenied" in caught.value.message, (
            "TLS was accepted, STS answered"
        )
    else:
        assert caught.value.code == "TlsFailed"
        assert "estate.ca_bundle" in caught.value.hint


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId"]
)
def test_a_region_that_is_not_enabled_is_not_an_unknown_key(code):
    opt_in = service_error(code, "The security token is invalid", where="ec2 DescribeVpcs in ap-east-1 of 111111111111")
    assert isinstance(opt_in, AccessDenied)
    assert "region ap-east-1 is not enabled" in opt_in.message
    assert "estate.regions" in opt_in.hint
    default = service_error(
        code, "The security token is invalid", where="ec2 DescribeVpcs in eu-west-1 of 111111111111"
    )
    assert "not enabled" not in default.message
