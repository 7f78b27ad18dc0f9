"""Events of AWS (CloudTrail, Config, S3): the resources they touch, who made them, and the read that follows."""
