"""The estate's loader finds what botocore's finds, and keeps no text of documentation."""

import botocore.session
import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from windlass.estate.model_loader import ModelLoader, shared_loader


@pytest.mark.parametrize("type_name", ["service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1", "unknown-1"])
def test_the_services_are_those_that_botocore_finds(type_name):
    assert shared_loader().list_available_services(type_name) == Loader().list_available_services(type_name)


def test_a_service_that_botocore_does_not_know_is_the_error_that_botocore_raises():
    session = botocore.session.get_session()
    session.register_component("data_loader", shared_loader())
    with pytest.raises(UnknownServiceError):
        session.create_client("simple-storage", region_name="us-east-1")
    with pytest.raises(DataNotFoundError):
        shared_loader().load_service_model("sqs", "unknown-1")


def test_a_model_is_botocores_with_empty_documentation():
    def without_texts(document):
        """The document with every text of documentation empty; a member of that name has a shape as its value."""
        if isinstance(document, dict):
            return {
                name: "" if name == "documentation" and isinstance(value, str) else without_texts(value)
                for name, value in document.items()
            }
        return [without_texts(value) for value in document] if isinstance(document, list) else document

    for service in ("sqs", "apigateway"):
        model = ModelLoader().load_service_model(service, "service-2")
        assert model == without_texts(Loader().load_service_model(service, "service-2"))


def test_a_second_load_reads_nothing(monkeypatch):
    loader = ModelLoader()
    first = loader.load_service_model("sqs", "service-2")
    monkeypatch.setattr(loader.file_loader, "load_file", None)
    assert loader.load_service_model("sqs", "service-2") is first
