"""The tasks of a job, by its operation."""

from __future__ import annotations

from windlass_local.batch.checksum_task import checksum_task
from windlass_local.batch.job import Job
from windlass_local.batch.job_request import operation_of
from windlass_local.batch.lambda_invoke import function_tasks
from windlass_local.batch.operations import Tasks, each, s3_task
from windlass_local.batch.replicate_task import replicate_task
from windlass_local.batch.s3_client import RoleS3Client
from windlass_local.lambda_.functions import shared_functions

__all__ = ["tasks_of"]


def tasks_of(job: Job, client: RoleS3Client) -> Tasks:
    """Return the tasks of the job's operation."""
    name, parameters = operation_of(job.parameters)
    match name:
        case "LambdaInvoke":
            return function_tasks(shared_functions(), job.id, parameters, job.account_id)
        case "S3ReplicateObject":
            return each(replicate_task(client))
        case "S3ComputeObjectChecksum":
            return each(checksum_task(parameters, client))
    return each(s3_task(name, parameters, client))
