"""EKS: moto's, with Pod Identity associations: the role that a cluster's service account gets from the agent.

AWS facts kept: a service account of a namespace has one association in a cluster (otherwise ResourceInUseException); it is
deleted with its cluster; a listing is a summary, without role and tags.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import unquote

from moto.eks import urls
from moto.eks.exceptions import ResourceInUseException, ResourceNotFoundException
from moto.eks.models import EKSBackend
from moto.eks.responses import EKSResponse

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.eks.exceptions.ResourceInUseException",
    "moto.eks.models.EKSBackend.describe_cluster",
    "moto.eks.responses.EKSResponse.eks_backend",
    "moto.eks.urls.url_paths",
)
_PATH = "{0}/clusters/(?P<clusterName>[^/]+)/pod-identity-associations"
_KEPT = "windlass_associations"
_SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")


def install() -> None:
    """Add the operations; a second call changes nothing."""
    urls.url_paths.setdefault(f"{_PATH}$", EKSResponse.dispatch)
    urls.url_paths.setdefault(f"{_PATH}/(?P<associationId>[^/]+)$", EKSResponse.dispatch)
    for method in (
        create_pod_identity_association,
        describe_pod_identity_association,
        list_pod_identity_associations,
        update_pod_identity_association,
        delete_pod_identity_association,
    ):
        setattr(EKSResponse, method.__name__, method)


def create_pod_identity_association(self: Any) -> str:
    """Answer CreatePodIdentityAssociation."""
    parameters, (cluster, _) = _parameters(self), _path_names(self)
    stored = _associations(self.eks_backend, cluster)
    if any(_same(association, parameters) for association in stored.values()):
        raise ResourceInUseException(message="Association already exists: each service account has one.")
    number, now = f"a-{secrets.token_hex(8)}", time.time()
    arn = f"arn:{self.partition}:eks:{self.region}:{self.current_account}:podidentityassociation/{cluster}/{number}"
    stored[number] = {
        "clusterName": cluster,
        "namespace": parameters["namespace"],
        "serviceAccount": parameters["serviceAccount"],
        "roleArn": parameters["roleArn"],
        "associationArn": arn,
        "associationId": number,
        "tags": parameters.get("tags") or {},
        "createdAt": now,
        "modifiedAt": now,
        "disableSessionTags": bool(parameters.get("disableSessionTags")),
    }
    return _answer(stored[number])


def describe_pod_identity_association(self: Any) -> str:
    """Answer DescribePodIdentityAssociation."""
    return _answer(_one(self))


def update_pod_identity_association(self: Any) -> str:
    """Answer UpdatePodIdentityAssociation: change the role, or the tagging of sessions."""
    association, parameters = _one(self), _parameters(self)
    association.update(
        {name: parameters[name] for name in ("roleArn", "disableSessionTags") if parameters.get(name) is not None}
    )
    association["modifiedAt"] = time.time()
    return _answer(association)


def delete_pod_identity_association(self: Any) -> str:
    """Answer DeletePodIdentityAssociation."""
    result = _one(self)
    del _associations(self.eks_backend, result["clusterName"])[result["associationId"]]
    return _answer(result)


def list_pod_identity_associations(self: Any) -> str:
    """Answer ListPodIdentityAssociations, all on one page."""
    cluster, _ = _path_names(self)
    requested = {
        name: value for name in ("namespace", "serviceAccount") if (value := self.querystring.get(name, [""])[0])
    }
    rows = [
        {name: association[name] for name in _SUMMARY}
        for association in _associations(self.eks_backend, cluster).values()
        if all(association[name] == value for name, value in requested.items())
    ]
    return json.dumps({"associations": rows})


def _path_names(response: Any) -> tuple[str, str]:
    """Return the cluster and the association that the path names."""
    parts = [unquote(part) for part in response.path.split("?")[0].strip("/").split("/")]
    return parts[1], parts[3] if len(parts) > 3 else ""


def _parameters(response: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(response.body or "{}")
    return document


def _associations(backend: EKSBackend, cluster: str) -> dict[str, dict[str, Any]]:
    """Return the associations of a cluster, which are deleted with it. ResourceNotFoundException."""
    stored: dict[str, dict[str, Any]] = vars(backend.describe_cluster(cluster)).setdefault(_KEPT, {})
    return stored


def _one(response: Any) -> dict[str, Any]:
    cluster, number = _path_names(response)
    result = _associations(response.eks_backend, cluster).get(number)
    if result is None:
        raise ResourceNotFoundException(message=f"No association found for id: {number}.")
    return result


def _same(association: dict[str, Any], parameters: dict[str, Any]) -> bool:
    return (association["namespace"], association["serviceAccount"]) == (
        parameters["namespace"],
        parameters["serviceAccount"],
    )


def _answer(association: dict[str, Any]) -> str:
    return json.dumps({"association": association})
