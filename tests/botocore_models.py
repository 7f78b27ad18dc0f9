"""botocore's own models for tests that compare with them, read once per process: a new session reads all folders again."""

import functools

import botocore.session

__all__ = ["loader", "service_model", "session"]


@functools.cache
def session():
    """A session of botocore, whose loader keeps every model."""
    return botocore.session.get_session()


@functools.cache
def service_model(name):
    """botocore's ServiceModel of a service."""
    return session().get_service_model(name)


def loader():
    """The session's loader."""
    return session().get_component("data_loader")
