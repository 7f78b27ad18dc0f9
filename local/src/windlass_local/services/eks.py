"""EKS: moto's, with Pod Identity associations: which role a service account of a cluster gets from the agent.

AWS facts kept: a service account of a namespace has one association in a cluster (ResourceInUseException else); it goes with
its cluster; a listing is a summary, without role and tags.
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
    asked, (cluster, _) = _asked(self), _named(self)
    kept = _associations(self.eks_backend, cluster)
    if any(_same(one, asked) for one in kept.values()):
        raise ResourceInUseException(message="Association already exists: each service account has one.")
    number, now = f"a-{secrets.token_hex(8)}", time.time()
    arn = f"arn:{self.partition}:eks:{self.region}:{self.current_account}:podidentityassociation/{cluster}/{number}"
    kept[number] = {
        "clusterName": cluster,
        "namespace": asked["namespace"],
        "serviceAccount": asked["serviceAccount"],
        "roleArn": asked["roleArn"],
        "associationArn": arn,
        "associationId": number,
        "tags": asked.get("tags") or {},
        "createdAt": now,
        "modifiedAt": now,
        "disableSessionTags": bool(asked.get("disableSessionTags")),
    }
    return _answer(kept[number])


def describe_pod_identity_association(self: Any) -> str:
    """Answer DescribePodIdentityAssociation."""
    return _answer(_one(self))


def update_pod_identity_association(self: Any) -> str:
    """Answer UpdatePodIdentityAssociation: another role, or whether sessions are tagged."""
    found, asked = _one(self), _asked(self)
    found.update({name: asked[name] for name in ("roleArn", "disableSessionTags") if asked.get(name) is not None})
    found["modifiedAt"] = time.time()
    return _answer(found)


def delete_pod_identity_association(self: Any) -> str:
    """Answer DeletePodIdentityAssociation."""
    found = _one(self)
    del _associations(self.eks_backend, found["clusterName"])[found["associationId"]]
    return _answer(found)


def list_pod_identity_associations(self: Any) -> str:
    """Answer ListPodIdentityAssociations, all on one page."""
    cluster, _ = _named(self)
    wanted = {name: value for name in ("namespace", "serviceAccount") if (value := self.querystring.get(name, [""])[0])}
    rows = [
        {name: one[name] for name in _SUMMARY}
        for one in _associations(self.eks_backend, cluster).values()
        if all(one[name] == value for name, value in wanted.items())
    ]
    return json.dumps({"associations": rows})


def _named(response: Any) -> tuple[str, str]:
    """Return the cluster and the association that the path names."""
    parts = [unquote(part) for part in response.path.split("?")[0].strip("/").split("/")]
    return parts[1], parts[3] if len(parts) > 3 else ""


def _asked(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.body or "{}")
    return found


def _associations(backend: EKSBackend, cluster: str) -> dict[str, dict[str, Any]]:
    """Return the associations of a cluster, which are deleted with it. ResourceNotFoundException."""
    kept: dict[str, dict[str, Any]] = vars(backend.describe_cluster(cluster)).setdefault(_KEPT, {})
    return kept


def _one(response: Any) -> dict[str, Any]:
    cluster, number = _named(response)
    found = _associations(response.eks_backend, cluster).get(number)
    if found is None:
        raise ResourceNotFoundException(message=f"No association found for id: {number}.")
    return found


def _same(one: dict[str, Any], asked: dict[str, Any]) -> bool:
    return (one["namespace"], one["serviceAccount"]) == (asked["namespace"], asked["serviceAccount"])


def _answer(found: dict[str, Any]) -> str:
    return json.dumps({"association": found})
