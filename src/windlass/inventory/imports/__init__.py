"""History from before the first collection: AWS Config's files as past revisions, CloudTrail's as their actors."""
