# Every option of the modules that the examples leave alone.

provider "aws" {}

variable "prefix" {
  type = string
}

variable "cluster_name" {
  type = string
}

data "aws_caller_identity" "current" {}

resource "aws_kms_key" "this" {
  description         = "windlass"
  enable_key_rotation = true
}

resource "aws_s3_bucket" "logs" {
  bucket        = "${var.prefix}-logs"
  force_destroy = true # access logs are written to it until the end
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.logs.arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = data.aws_iam_policy_document.logs.json
}

module "pipeline" {
  source = "../modules/pipeline"

  source_bucket        = "${var.prefix}-raw"
  create_source_bucket = true
  target_bucket        = "${var.prefix}-out"
  create_target_bucket = true
  error_bucket         = "${var.prefix}-err"
  error_prefix         = ""
  access_log           = { bucket = aws_s3_bucket_policy.logs.bucket }
  zip_path             = "function.zip"
  kms_key_arn          = aws_kms_key.this.arn
  source_kms_key_arn   = aws_kms_key.this.arn
  target_kms_key_arn   = aws_kms_key.this.arn
  keep_tags            = true
  mirror_deletes       = true
  read_versions        = true
  reserved_concurrency = 5
  batch_size           = 100
  batching_window_s    = 2
  environment          = { WINDLASS_LOG_LEVEL = "debug" }
  event_rule_names     = ["windlass-feed"]
  tags                 = { team = "web" }
}

module "feed" {
  source = "../modules/event-feed"

  bucket_names            = [module.pipeline.source_bucket]
  key_suffixes            = [".yaml"]
  create_queue            = false
  queue_arn               = module.pipeline.queue_arn
  undeliverable_queue_arn = module.pipeline.dead_letter_queue_arn
  enable_eventbridge      = ["${var.prefix}-raw"]
  tags                    = { team = "web" }

  # Named, not taken from the other module: for_each needs it before that is applied.
  depends_on = [module.pipeline]
}

module "aggregator" {
  source = "../modules/aggregator"

  source_bucket   = module.pipeline.target_bucket
  source_prefix   = "in/"
  source_suffixes = [".a", ".b"]
  kms_key_arn     = aws_kms_key.this.arn
  zip_s3          = { bucket = aws_s3_object.zip.bucket, key = aws_s3_object.zip.key }
  policy_json     = data.aws_iam_policy_document.logs_read.json
  tags            = { team = "web" }

  actions = [{
    kind      = "storage-gateway-refresh"
    resources = ["arn:aws:storagegateway:us-east-1:${data.aws_caller_identity.current.account_id}:share/*"]
  }]
}

data "aws_iam_policy_document" "logs_read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.logs.arn}/*"]
  }
}

resource "aws_s3_object" "zip" {
  bucket = aws_s3_bucket.logs.id
  key    = "function.zip"
  source = "function.zip"
}

module "trail" {
  source = "../modules/clients-trail"

  access_log  = { bucket = aws_s3_bucket_policy.logs.bucket }
  kms_key_arn = aws_kms_key.this.arn
  logging     = false
  tags        = { team = "web" }
}

module "reader" {
  source = "../modules/inventory-reader"

  trusted_principal_arns  = [module.worker.role_arn]
  organization_id         = "o-a1b2c3d4e5"
  organizational_unit_ids = ["ou-ab12-abcd1234"]
  tags                    = { team = "web" }
}

module "worker" {
  source = "../modules/worker-irsa"

  trust             = "both"
  oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A"
  cluster_name      = var.cluster_name
  queue_arns        = [module.pipeline.queue_arn]
  send_queue_arns   = [module.pipeline.dead_letter_queue_arn]
  table_arns        = [module.aggregator.table_arn]
  kms_key_arns      = [aws_kms_key.this.arn]
  assume_role_arns  = ["arn:aws:iam::*:role/windlass-inventory-reader"]
  tags              = { team = "web" }
}

module "replication" {
  source = "../modules/replication-role"

  object_lock    = true
  delete_markers = true
  copy_versions  = true
  staging_bucket    = "${var.prefix}-work"
  tags           = { team = "web" }

  pairs = [{
    source                  = "${var.prefix}-raw"
    destination             = "theirs"
    destination_account_id  = "222222222222"
    source_kms_key_arn      = aws_kms_key.this.arn
    source_region           = "us-east-1"
    destination_kms_key_arn = "arn:aws:kms:us-east-1:222222222222:key/1"
    destination_region      = "us-east-1"
  }]
}

output "pipeline" {
  value = module.pipeline
}

output "agreements" {
  value = module.replication.destination_policies
}
