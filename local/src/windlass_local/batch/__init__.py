"""S3 Batch Operations: jobs that really do their tasks through the embedded S3.

pure          `states` the thirteen states · `manifest` rows of a manifest · `report` completion reports · `documents` XML by
              the service's model · `asked` what CreateJob refuses by looking at the request alone
estate        `places` what it refuses by looking at buckets and roles · `door` calls of S3 as the job's role · `generator` lists
              that S3 makes itself
work          `job` one job · `lane` the jobs of an account and region · `runner` prepares, runs and ends them
tasks         `operations` which task is which call · `copying` · `functions` LambdaInvoke · `replicating` · `sums` checksums
api           `api` the eight operations · `pace` what tests and demos may change
"""
