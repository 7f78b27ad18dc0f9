"""What a name says it holds: secrets by their last words, however the words are joined."""

import pytest

from windlass.core.secret_names import is_reference, is_secret_name, name_words

SECRET = (
    "password",
    "MasterUserPassword",
    "DB_PASSWORD",
    "db-password",
    "dbPassword2",
    "PGPASSWORD",
    "passwd",
    "DB_PASS",
    "pwd",
    "HECToken",
    "authToken",
    "AUTH_TOKEN_PROD",
    "SLACK_TOKEN",
    "ClientSecret",
    "client_secret",
    "SecretString",
    "AWS_SECRET_ACCESS_KEY",
    "SecretAccessKey",
    "apiKey",
    "X-Api-Key",
    "x-api-key",
    "API_KEY_2",
    "fs.s3a.secret.key",
    "javax.jdo.option.ConnectionPassword",
    "KeyMaterial",
    "privateKey",
    "UserData",
    "Authorization",
    "Cookie",
    "credentials",
    "ConnectionString",
    "webhookUrl",
    "SENTRY_DSN",
    "JWT",
    "preSharedKey",
    "authKey",
    "--password",
    "oauthClientToken",
    "PIN",
    "sharedSecret",
    "Passphrase",
)
OPEN = (
    "NextToken",
    "nextToken",
    "LockToken",
    "ClientToken",
    "ClientRequestToken",
    "CreationToken",
    "PasswordLastUsed",
    "AuthTokenEnabled",
    "SecretArn",
    "SecretStatus",
    "SecretId",
    "TokenKeyId",
    "AccessKeyId",
    "AuthorizationType",
    "AuthorizerId",
    "MaxTokens",
    "Author",
    "ping",
    "compass",
    "Key",
    "KeyId",
    "KeyName",
    "PartitionKey",
    "sortKey",
    "PublicKeyMaterial",
    "secretsmanager",
    "PasswordPolicy",
    "Cookies",
    "token.actions.githubusercontent.com",
    "CredentialsArn",
    "ec2SshKey",
    "",
    "123",
    "ü",
    "Salted",
    "Spin",
    "KmsKey",
)


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OPEN)
def test_names_that_only_speak_of_secrets(name):
    assert not is_secret_name(name)


def test_words_of_a_name():
    assert name_words("HECToken") == ["hec", "token"]
    assert name_words("API_KEY_2") == ["api", "key", "2"]


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:secretsmanager:eu-west-1:1:secret:x",
        "{{resolve:ssm-secure:x:1}}",
        "${DB_PASSWORD}",
        "$.body.token",
        "****",
        "true",
        "",
        "10",
    ],
)
def test_what_stands_for_a_secret_is_none(value):
    assert is_reference(value)


@pytest.mark.parametrize("value", ["hunter2", "p", "1234", "arn", "$ecret", "****x", "true story", "a${b}"])
def test_what_may_be_one_is_not_taken_for_a_reference(value):
    assert not is_reference(value)
