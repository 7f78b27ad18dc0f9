"""EMR: an s3-dist-cp step on a cluster, or a Spark job on EMR Serverless, started by effects and polled for its status.

EMR Serverless runs Spark and Hive only (EMR Serverless API reference, "JobDriver"), and s3-dist-cp is MapReduce. So on
EMR Serverless, the PySpark script `copy_script.py` of this package processes the manifest.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from windlass.core.canonical import digest
from windlass.core.errors import UsageError
from windlass.estate.service import Estate
from windlass.replication.effects import Effect
from windlass.replication.methods.batch.job import ManifestRef, StagingPrefix
from windlass.replication.model import BucketRef, Method, Pair

__all__ = ["EmrTarget", "StepStatus", "emr_effects", "read_status", "script", "step_command"]

_ENDED = {"COMPLETED": "Complete", "SUCCESS": "Complete", "FAILED": "Failed", "CANCELLED": "Cancelled"}
_INSTANCE_ROLE, _SERVICE_ROLE = "EMR_EC2_DefaultRole", "EMR_DefaultRole"


@dataclass(frozen=True, slots=True)
class EmrTarget:
    """Where the step runs: an existing cluster, an EMR Serverless application, or (`transient`) a new cluster."""

    cluster: str = ""
    application: str = ""
    execution_role: str = ""
    transient: bool = False
    release: str = "emr-7.9.0"
    instance_type: str = "m6g.xlarge"
    instances: int = 10
    subnet: str = ""
    log_uri: str = ""

    @property
    def starts(self) -> bool:
        """True when a step is started; False when its command is only printed."""
        return bool(self.cluster or self.application or self.transient)

    def check(self) -> None:
        """Raise UsageError for options that exclude each other."""
        if sum(map(bool, (self.cluster, self.application, self.transient))) > 1:
            raise UsageError("--cluster, --application and --transient exclude each other")
        if self.application and not self.execution_role:
            raise UsageError("EMR Serverless needs --execution-role", hint="Give the ARN of the role of the Spark job.")

    def params(self) -> dict[str, Any]:
        """Return the dictionary that a job stores."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The status of a step or job run, in the words of batch jobs."""

    status: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """True when the step or job run has ended."""
        return self.status in ("Complete", "Failed", "Cancelled")


def step_arguments(pair: Pair, *, encrypt: bool = False) -> list[str]:
    """Return s3-dist-cp's arguments for a pair. S3DistCp accepts no bucket with an underscore (EMR release guide,
    "S3DistCp").
    """
    for place in (pair.source, pair.destination):
        if "_" in place.bucket:
            raise UsageError(
                f"s3-dist-cp does not accept {place.bucket}: its name has an underscore", hint="Use --method direct."
            )
    return [
        "s3-dist-cp",
        f"--src=s3://{pair.source.bucket}/{pair.prefix}",
        f"--dest=s3://{pair.destination.bucket}/{pair.prefix}",
        *(["--s3ServerSideEncryption"] if encrypt else []),
    ]


def step_command(pair: Pair, *, encrypt: bool = False) -> str:
    """Return the command of the AWS CLI that adds the step, for a person to run."""
    arguments = ",".join(step_arguments(pair, encrypt=encrypt))
    step = f"Type=CUSTOM_JAR,Name=windlass,ActionOnFailure=CONTINUE,Jar=command-runner.jar,Args=[{arguments}]"
    region = f" --region {pair.destination.region}" if pair.destination.region else ""
    return f"aws emr add-steps{region} --cluster-id CLUSTER --steps {shlex.quote(step)}"


def emr_effects(
    pair: Pair,
    target: EmrTarget,
    seed_id: str,
    spot: StagingPrefix,
    manifest: ManifestRef | None,
    *,
    encrypt: bool = False,
) -> tuple[Effect, ...]:
    """Return the writes that start the step; none when the step is only printed."""
    target.check()
    place = pair.destination if pair.destination.account_id else pair.source

    def effect(service: str, operation: str, why: str, **params: Any) -> Effect:
        return Effect(
            account_id=place.account_id,
            region=place.region,
            service=service,
            operation=operation,
            params=params,
            why=why,
        )

    step = {
        "Name": f"windlass {seed_id}",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": step_arguments(pair, encrypt=encrypt)},
    }
    if target.cluster:
        return (effect("emr", "AddJobFlowSteps", f"copy {pair.title}", JobFlowId=target.cluster, Steps=[step]),)
    if target.application:
        return _serverless(effect, pair, target, seed_id, spot, manifest)
    if target.transient:
        return (effect("emr", "RunJobFlow", f"a new cluster to copy {pair.title}", **_cluster(target, seed_id, step)),)
    return ()


def _cluster(target: EmrTarget, seed_id: str, step: Mapping[str, Any]) -> dict[str, Any]:
    groups = [
        {"Name": "primary", "InstanceRole": "MASTER", "InstanceType": target.instance_type, "InstanceCount": 1},
        {
            "Name": "core",
            "InstanceRole": "CORE",
            "InstanceType": target.instance_type,
            "InstanceCount": target.instances,
        },
    ]
    instances: dict[str, Any] = {"InstanceGroups": groups, "KeepJobFlowAliveWhenNoSteps": False}
    if target.subnet:
        instances["Ec2SubnetId"] = target.subnet
    return {
        "Name": f"windlass {seed_id}",
        "ReleaseLabel": target.release,
        "Applications": [{"Name": "Hadoop"}],
        "Instances": instances,
        "Steps": [{**step, "ActionOnFailure": "TERMINATE_CLUSTER"}],
        "JobFlowRole": _INSTANCE_ROLE,
        "ServiceRole": _SERVICE_ROLE,
        "VisibleToAllUsers": True,
        "Tags": [{"Key": "windlass:seed", "Value": seed_id}],
        **({"LogUri": target.log_uri} if target.log_uri else {}),
    }


def _serverless(
    effect: Any, pair: Pair, target: EmrTarget, seed_id: str, spot: StagingPrefix, manifest: ManifestRef | None
) -> tuple[Effect, ...]:
    key = f"{spot.prefix}/copy_script.py"
    listed = f"s3://{manifest.bucket}/{manifest.key}" if manifest else f"s3://{spot.bucket}/{spot.prefix}/manifest.csv"
    submit = {
        "entryPoint": f"s3://{spot.bucket}/{key}",
        "entryPointArguments": [listed, pair.destination.bucket, pair.destination.region],
    }
    return (
        effect(
            "s3", "PutObject", "the script that the Spark job runs", Bucket=spot.bucket, Key=key, Body=script().encode()
        ),
        effect(
            "emr-serverless",
            "StartJobRun",
            f"copy {pair.title}",
            applicationId=target.application,
            name=f"windlass {seed_id}",
            executionRoleArn=target.execution_role,
            clientToken=digest([seed_id, "emr"]),
            jobDriver={"sparkSubmit": submit},
            tags={"windlass:seed": seed_id},
        ),
    )


def script() -> str:
    """Return the PySpark script."""
    return resources.files(__package__).joinpath("copy_script.py").read_text("utf-8")


def started(responses: list[dict[str, Any]], target: EmrTarget, place: BucketRef) -> dict[str, str]:
    """Return the ids that identify the started step, from the responses of the effects."""
    last = responses[-1]
    where = {"account_id": place.account_id, "region": place.region, "method": str(Method.EMR)}
    if target.application:
        return where | {"application": target.application, "run": last["jobRunId"]}
    if target.cluster:
        return where | {"cluster": target.cluster, "step": last["StepIds"][0]}
    return where | {"cluster": last["JobFlowId"], "step": ""}


def read_status(estate: Estate, ref: Mapping[str, str]) -> StepStatus:
    """Read the status of a step, job run or transient cluster."""
    where = (ref["account_id"], ref["region"])
    if ref.get("application"):
        run = estate.call(*where, "emr-serverless", "GetJobRun", applicationId=ref["application"], jobRunId=ref["run"])[
            "jobRun"
        ]
        return StepStatus(_ENDED.get(run["state"], "Active"), run.get("stateDetails", ""))
    step = ref.get("step") or ""
    if not step:
        steps = estate.call(*where, "emr", "ListSteps", ClusterId=ref["cluster"]).get("Steps", [])
        if not steps:
            return StepStatus("Active", "the cluster is starting")
        step = steps[0]["Id"]
    status = estate.call(*where, "emr", "DescribeStep", ClusterId=ref["cluster"], StepId=step)["Step"]["Status"]
    failure = status.get("FailureDetails") or {}
    return StepStatus(_ENDED.get(status["State"], "Active"), failure.get("Reason") or failure.get("Message") or "")
