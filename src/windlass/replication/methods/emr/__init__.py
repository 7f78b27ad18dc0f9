"""EMR: an s3-dist-cp step on a cluster, or a Spark job on EMR Serverless."""
