"""What a job does with its rows."""

from __future__ import annotations

from windlass_local.batch.asked import operation_of
from windlass_local.batch.door import Door
from windlass_local.batch.functions import function_tasks
from windlass_local.batch.job import Job
from windlass_local.batch.operations import Tasks, each, s3_task
from windlass_local.batch.replicating import replicate_task
from windlass_local.batch.sums import checksum_task
from windlass_local.lambda_.functions import the_functions

__all__ = ["tasks_of"]


def tasks_of(job: Job, door: Door) -> Tasks:
    """The job's operation, ready to be done."""
    name, parameters = operation_of(job.asked)
    match name:
        case "LambdaInvoke":
            return function_tasks(the_functions(), job.id, parameters, job.account_id)
        case "S3ReplicateObject":
            return each(replicate_task(door))
        case "S3ComputeObjectChecksum":
            return each(checksum_task(parameters, door))
    return each(s3_task(name, parameters, door))
