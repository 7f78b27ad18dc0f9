"""S3 Batch Operations: jobs that carry out their tasks through the embedded S3.

pure          `states` the thirteen states · `manifest` its rows · `report` completion reports · `documents` XML ·
              `job_request` checks of the request alone · `copy_headers`
estate        `resource_checks` checks of buckets and roles · `s3_client` calls of S3 as the job's role · `manifest_generator`
work          `job` · `job_queue` the jobs of an account and region · `runner` prepares, runs and ends them
tasks         `tasks` by operation · `operations` · `lambda_invoke` · `replicate_task` · `checksum_task`
api           `api` the eight operations · `timing` what tests and demos may change
"""
