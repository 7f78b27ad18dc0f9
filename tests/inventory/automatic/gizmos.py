"""A service that AWS does not have: its model, as botocore would ship it."""

import copy
import json

_STRING, _TIME, _NUMBER = {"shape": "String"}, {"shape": "Timestamp"}, {"shape": "Long"}

MODEL = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2026-01-01",
        "endpointPrefix": "gizmos",
        "jsonVersion": "1.1",
        "protocol": "json",
        "protocols": ["json"],
        "serviceFullName": "AWS Gizmos",
        "serviceId": "Gizmos",
        "signatureVersion": "v4",
        "signingName": "gizmos",
        "targetPrefix": "Gizmos",
        "uid": "gizmos-2026-01-01",
    },
    "operations": {},
    "shapes": {
        "String": {"type": "string"},
        "Timestamp": {"type": "timestamp"},
        "Long": {"type": "long"},
        "Boolean": {"type": "boolean"},
        "Owner": {"type": "string", "enum": ["SELF", "OTHER"]},
        "Tag": {"type": "structure", "members": {"Key": _STRING, "Value": _STRING}},
        "TagList": {"type": "list", "member": {"shape": "Tag"}},
        "GizmoSummary": {
            "type": "structure",
            "members": {
                "GizmoArn": _STRING,
                "GizmoId": _STRING,
                "GizmoName": _STRING,
                "Colour": _STRING,
                "DesiredCount": _NUMBER,
                "MessageCount": _NUMBER,
                "LastAccessedTime": _TIME,
                "MasterPassword": _STRING,
                "Tags": {"shape": "TagList"},
            },
        },
        "GizmoList": {"type": "list", "member": {"shape": "GizmoSummary"}},
        "Part": {"type": "structure", "members": {"PartName": _STRING, "Weight": _NUMBER}},
        "PartList": {"type": "list", "member": {"shape": "Part"}},
        "NameList": {"type": "list", "member": _STRING},
    },
}


def operation(model, name, *, request=(), required=(), answer=()):
    """Add an operation to the model: members of its request and answer, by name and shape."""
    shapes = model["shapes"]
    shapes[f"{name}Request"] = {
        "type": "structure",
        "required": list(required),
        "members": {member: {"shape": shape} for member, shape in request},
    }
    shapes[f"{name}Response"] = {
        "type": "structure",
        "members": {member: {"shape": shape} for member, shape in answer},
    }
    model["operations"][name] = {
        "name": name,
        "http": {"method": "POST", "requestUri": "/"},
        "input": {"shape": f"{name}Request"},
        "output": {"shape": f"{name}Response"},
    }


def gizmos():
    """Return the model: gizmos in pages, their parts by gizmo, and what makes no type."""
    model = copy.deepcopy(MODEL)
    token = ("NextToken", "String")
    operation(
        model,
        "ListGizmos",
        request=[token, ("ResourceOwner", "Owner"), ("IncludeShared", "Boolean")],
        answer=[("Gizmos", "GizmoList"), token],
    )
    operation(
        model,
        "ListParts",
        request=[("GizmoId", "String"), token],
        required=["GizmoId"],
        answer=[("Parts", "PartList"), token],
    )
    operation(model, "ListGizmoEvents", answer=[("Events", "GizmoList")])
    operation(model, "GetGizmoCredentials", answer=[("Credentials", "GizmoList")])
    operation(model, "DeleteGizmos", answer=[("Gizmos", "GizmoList")])
    operation(model, "ListFolders", answer=[("FolderNames", "NameList")])
    operation(model, "ListColours", answer=[("Palette", "NameList")])
    return model


def write(folder):
    """Write the model into a folder, as a search path of botocore expects it."""
    place = folder / "gizmos" / "2026-01-01"
    place.mkdir(parents=True)
    (place / "service-2.json").write_text(json.dumps(gizmos()))
    (place / "endpoint-rule-set-1.json").write_text(json.dumps(_RULES))
    return folder


_RULES = {
    "version": "1.0",
    "parameters": {
        "Region": {"builtIn": "AWS::Region", "required": False, "documentation": "", "type": "String"},
        "Endpoint": {"builtIn": "SDK::Endpoint", "required": False, "documentation": "", "type": "String"},
    },
    "rules": [
        {
            "conditions": [{"fn": "isSet", "argv": [{"ref": "Endpoint"}]}],
            "endpoint": {"url": {"ref": "Endpoint"}, "properties": {}, "headers": {}},
            "type": "endpoint",
        },
        {
            "conditions": [{"fn": "isSet", "argv": [{"ref": "Region"}]}],
            "endpoint": {"url": "https://gizmos.{Region}.amazonaws.com", "properties": {}, "headers": {}},
            "type": "endpoint",
        },
        {"conditions": [], "error": "no region", "type": "error"},
    ],
}
