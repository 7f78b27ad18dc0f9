"""Pod Identity associations of the embedded AWS's EKS, by boto3."""

import pytest
from botocore.exceptions import ClientError

from s3_clients import fresh

ROLE = "arn:aws:iam::111111111111:role/"


@pytest.fixture
def cluster(aws):
    eks, name = aws("eks"), fresh("cluster")
    eks.create_cluster(name=name, roleArn=f"{ROLE}cluster", resourcesVpcConfig={"subnetIds": []})
    return eks, name


def code(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    return refused.value.response["Error"]["Code"]


def test_a_service_account_has_one_role(cluster):
    eks, name = cluster
    account = {"clusterName": name, "namespace": "windlass", "serviceAccount": "worker"}
    made = eks.create_pod_identity_association(**account, roleArn=f"{ROLE}a", tags={"team": "web"})["association"]
    assert made["associationArn"].endswith(f"podidentityassociation/{name}/{made['associationId']}")
    assert code(eks.create_pod_identity_association, **account, roleArn=f"{ROLE}b") == "ResourceInUseException"
    other = eks.create_pod_identity_association(**(account | {"namespace": "other"}), roleArn=f"{ROLE}b")["association"]

    of = {"clusterName": name, "associationId": made["associationId"]}
    association = eks.describe_pod_identity_association(**of)["association"]
    assert association == made
    assert (association["roleArn"], association["tags"]) == (f"{ROLE}a", {"team": "web"})
    listed = eks.list_pod_identity_associations(clusterName=name, namespace="windlass")["associations"]
    assert [entry["associationId"] for entry in listed] == [made["associationId"]]
    assert len(eks.list_pod_identity_associations(clusterName=name)["associations"]) == 2

    eks.update_pod_identity_association(**of, roleArn=f"{ROLE}c")
    assert eks.describe_pod_identity_association(**of)["association"]["roleArn"] == f"{ROLE}c"
    eks.delete_pod_identity_association(**of)
    assert code(eks.describe_pod_identity_association, **of) == "ResourceNotFoundException"
    assert (
        eks.list_pod_identity_associations(clusterName=name)["associations"][0]["associationId"]
        == other["associationId"]
    )


def test_there_is_no_association_without_its_cluster(cluster):
    eks, name = cluster
    account = {"namespace": "n", "serviceAccount": "s", "roleArn": f"{ROLE}a"}
    assert code(eks.create_pod_identity_association, clusterName="none", **account) == "ResourceNotFoundException"
    eks.create_pod_identity_association(clusterName=name, **account)
    eks.delete_cluster(name=name)
    assert code(eks.list_pod_identity_associations, clusterName=name) == "ResourceNotFoundException"
