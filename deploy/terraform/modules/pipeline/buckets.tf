module "source_bucket" {
  source = "../internal/bucket"
  count  = var.create_source_bucket ? 1 : 0

  name          = var.source_bucket
  kms_key_arn   = var.source_kms_key_arn
  access_log    = var.access_log
  force_destroy = var.force_destroy
  tags          = var.tags
}

module "target_bucket" {
  source = "../internal/bucket"
  count  = var.create_target_bucket ? 1 : 0

  name          = var.target_bucket
  kms_key_arn   = var.target_kms_key_arn
  access_log    = var.access_log
  force_destroy = var.force_destroy
  tags          = var.tags
}

locals {
  # The name of a new bucket comes from its module, so that dependent resources wait for it.
  source_bucket = var.create_source_bucket ? module.source_bucket[0].name : var.source_bucket
  target_bucket = var.create_target_bucket ? module.target_bucket[0].name : var.target_bucket
  error_bucket  = coalesce(var.error_bucket, var.target_bucket)
}
