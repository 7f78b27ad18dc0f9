# The trail of S3 data events, as `windlass clients trail enable` makes it, and what Athena needs to read it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id     = data.aws_caller_identity.current.account_id
  partition      = data.aws_partition.current.partition
  log_bucket     = coalesce(var.log_bucket, "${var.trail_name}-${local.account_id}")
  results_bucket = coalesce(var.results_bucket, "${var.trail_name}-${local.account_id}-results")
  s3             = "arn:${local.partition}:s3:::"
  trail_arn      = "arn:${local.partition}:cloudtrail:${data.aws_region.current.id}:${local.account_id}:trail/${var.trail_name}"
}

data "aws_iam_policy_document" "log" {
  statement {
    sid       = "AWSCloudTrailAclCheck"
    actions   = ["s3:GetBucketAcl"]
    resources = ["${local.s3}${local.log_bucket}"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }
  }

  statement {
    sid       = "AWSCloudTrailWrite"
    actions   = ["s3:PutObject"]
    resources = ["${local.s3}${local.log_bucket}/AWSLogs/${local.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-acl"
      values   = ["bucket-owner-full-control"]
    }
  }
}

module "log_bucket" {
  source = "../internal/bucket"

  name            = local.log_bucket
  kms_key_arn     = var.kms_key_arn
  expire_days     = var.keep_days
  noncurrent_days = 1
  policy_json     = data.aws_iam_policy_document.log.json
  access_log      = var.access_log
  force_destroy   = var.force_destroy
  tags            = var.tags
}

module "results_bucket" {
  source = "../internal/bucket"

  name            = local.results_bucket
  kms_key_arn     = var.kms_key_arn
  versioning      = false
  expire_days     = var.results_keep_days
  noncurrent_days = 1
  access_log      = var.access_log
  force_destroy   = var.force_destroy
  tags            = var.tags
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_35:SSE-S3 encrypts by default; kms_key_arn switches to a key whose policy allows CloudTrail
  #checkov:skip=CKV_AWS_252:No process waits for single files: `windlass clients scan` reads new files when it runs
  #checkov:skip=CKV2_AWS_10:S3 data events in CloudWatch Logs would cost fifty cents a GB, and nothing reads them there
  name                          = var.trail_name
  s3_bucket_name                = module.log_bucket.name
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  enable_logging                = var.logging
  kms_key_id                    = var.kms_key_arn
  tags                          = var.tags

  # S3 object events and nothing else. The buckets that CloudTrail and Athena write are excluded, because each file would be an event.
  advanced_event_selector {
    name = "S3 data events"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field           = "resources.ARN"
      starts_with     = length(var.bucket_names) == 0 ? null : [for name in var.bucket_names : "${local.s3}${name}/"]
      not_starts_with = length(var.bucket_names) > 0 ? null : ["${local.s3}${local.log_bucket}/", "${local.s3}${local.results_bucket}/"]
    }
  }
}
