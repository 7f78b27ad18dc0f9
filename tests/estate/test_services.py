"""`[[service]]`: where keys come from, what is refused, and that no secret is ever shown."""

import pytest
from pydantic import ValidationError

from windlass.core.errors import ConfigError, UsageError
from windlass.estate.config import ServiceConfig
from windlass.estate.services import Services
from windlass.settings import load

URL = "https://minio.example.net:9000"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def access(environ=(), **given):
    return Services([ServiceConfig(**{"name": "my-minio", "endpoint_url": URL} | given)], dict(environ)).access(
        "my-minio"
    )


def test_keys_come_from_the_environment_by_the_services_name_or_by_names_of_ones_own():
    found = access({"MY_MINIO_ACCESS_KEY_ID": "AK", "MY_MINIO_SECRET_ACCESS_KEY": SECRET})
    keys = found.keys()
    assert (keys.access_key, keys.secret_key.reveal(), keys.token) == ("AK", SECRET, None)
    assert (found.endpoint_url, found.region, found.path_style, found.account_id) == (URL, "us-east-1", True, "")
    assert SECRET not in repr(found) + repr(keys)
    names = {"access_key_env": "A", "secret_key_env": "B", "session_token_env": "C"}
    keys = access({"A": "AK", "B": SECRET, "C": "tok"}, **names).keys()
    assert (keys.access_key, keys.token.reveal()) == ("AK", "tok")


def test_missing_variables_are_named():
    with pytest.raises(ConfigError, match="MY_MINIO_ACCESS_KEY_ID and MY_MINIO_SECRET_ACCESS_KEY are not") as error:
        access({}).keys()
    assert error.value.hint
    with pytest.raises(ConfigError, match="MY_MINIO_SECRET_ACCESS_KEY is not"):
        access({"MY_MINIO_ACCESS_KEY_ID": "AK"}).keys()


def test_keys_of_a_profile_and_of_a_file_and_of_nothing_else(tmp_path, monkeypatch):
    """Neither the AWS variables of the environment nor a machine's role are shown to another service."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AWS-OWN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own")
    file = tmp_path / "keys"
    file.write_text(
        f"[default]\naws_access_key_id = D\naws_secret_access_key = d\n[mine]\naws_access_key_id = M\naws_secret_access_key = {SECRET}\n[bare]\nregion = x\n"
    )
    assert access(credentials_file=str(file)).keys().access_key == "D"
    keys = access(credentials_file=str(file), profile="mine").keys()
    assert (keys.access_key, keys.secret_key.reveal()) == ("M", SECRET)
    for profile in ("bare", "none"):
        with pytest.raises(ConfigError, match=f"profile '{profile}' has no access key"):
            access(credentials_file=str(file), profile=profile).keys()
    with pytest.raises(ConfigError, match="does not exist"):
        access(credentials_file=str(tmp_path / "other")).keys()
    home = tmp_path / "aws"
    home.write_text(f"[work]\naws_access_key_id = W\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home))
    assert access(profile="work").keys().access_key == "W"


def test_an_unknown_service_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="service 'r2' is not in windlass.toml") as error:
        Services([ServiceConfig(name="minio", endpoint_url=URL)], {}).find("r2")
    assert "minio" in error.value.hint


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "s3"}, "another meaning before a colon"),
        ({"name": "a:b"}, "pattern"),
        ({"endpoint_url": "minio:9000"}, "must be a URL"),
        ({"endpoint_url": f"{URL}/path"}, "without a path"),
        ({"endpoint_url": f"https://me:{SECRET[:10]}@minio"}, "must not contain credentials"),
        ({"profile": "p", "access_key_env": "A"}, "not both"),
        ({"secret_key_env": "WINDLASS_SECRET"}, "read as a setting"),
        ({"secret_key": SECRET}, "Extra inputs"),
    ],
)
def test_impossible_methods_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        ServiceConfig(**{"name": "minio", "endpoint_url": URL} | given)


def test_in_the_file_a_secret_is_refused_without_being_repeated_and_names_are_once(tmp_path):
    file = tmp_path / "windlass.toml"
    table = f'[[service]]\nname = "minio"\nendpoint_url = "{URL}"\n'
    file.write_text(table + f'secret_key = "{SECRET}"\n')
    with pytest.raises(ConfigError, match=r"service\.0\.secret_key is not a known key") as error:
        load(environ={}, cwd=tmp_path)
    assert SECRET not in str(error.value) + error.value.hint
    file.write_text(table * 2)
    with pytest.raises(ConfigError, match="the same name"):
        load(environ={}, cwd=tmp_path)
    file.write_text(table)
    assert load(environ={}, cwd=tmp_path).settings.service[0].name == "minio"
