"""The table of id parameters is what the catalogue and AWS's models say, and each of its parameters takes the ids."""

import botocore.session

from windlass.inventory.catalog import CATALOG
from windlass.inventory.events.id_parameters import ID_PARAMETERS
from windlass.inventory.events.type_index import TypeIndex


def _derived(kind, session):
    if kind.lister or kind.parent or not kind.id.isidentifier():
        return ""
    shape = session.get_service_model(kind.service).operation_model(kind.operation).input_shape
    name = kind.id.lower()
    for member, value in (shape.members if shape else {}).items():
        takes_list = value.type_name == "list" and value.member.type_name == "string"
        if takes_list and (member.lower() in (name, name + "list") or member.lower().removesuffix("s") == name):
            return f"{member}[]"
        if value.type_name == "string" and member.lower() == name:
            return member
    return ""


def test_the_table_is_derived_from_the_catalogue():
    session = botocore.session.get_session()
    derived = {kind.name: _derived(kind, session) for kind in CATALOG}
    assert {name: parameter for name, parameter in derived.items() if parameter} == dict(ID_PARAMETERS)


def test_every_service_of_the_catalogue_has_an_event_source():
    session = botocore.session.get_session()
    index = TypeIndex.of(CATALOG)
    for kind in CATALOG:
        model = session.get_service_model(kind.service)
        # Amazon MQ Developer Guide, "Logging Amazon MQ API calls": amazonmq.amazonaws.com
        sources = {model.endpoint_prefix, model.signing_name, kind.service.replace("mq", "amazonmq")}
        assert any(kind.name in {each.kind.name for each in index.by_source.get(source, ())} for source in sources), (
            kind.name
        )
