"""Events of AWS (CloudTrail, Config, S3) as changes of resources: what they touch, who did it, and reading that again."""
