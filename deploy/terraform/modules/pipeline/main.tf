data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.id

  # The KMS guide names services in kms:ViaService with amazonaws.com only; in other partitions their suffix is allowed, too.
  suffixes = distinct(["amazonaws.com", data.aws_partition.current.dns_suffix])

  notification_entries = [
    for suffix in(length(var.source_suffixes) == 0 ? [""] : var.source_suffixes) : {
      Id       = "${var.name}${suffix == "" ? "" : "-${replace(trim(suffix, "."), "/[^A-Za-z0-9]/", "-")}"}"
      QueueArn = module.queue.arn
      Events   = var.events
      suffix   = suffix
    }
  ]
}

module "queue" {
  source = "../internal/queue"

  name                 = "${var.name}-events"
  visibility_timeout_s = 6 * var.timeout_s + var.batching_window_s
  max_receive_count    = var.max_receive_count
  kms_key_arn          = var.kms_key_arn
  tags                 = var.tags

  senders = [
    {
      service     = "s3.amazonaws.com"
      source_arns = ["arn:${local.partition}:s3:::${var.source_bucket}"]
    },
    {
      service     = "events.amazonaws.com"
      source_arns = [for name in var.event_rule_names : "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${name}"]
    },
  ]
}

module "function" {
  source = "../internal/function"

  name                 = var.name
  description          = "Windlass pipeline from ${var.source_bucket} to ${var.target_bucket}"
  handler              = "windlass.functions.pipeline.handler"
  zip_path             = var.zip_path
  zip_s3               = var.zip_s3
  runtime              = var.runtime
  architecture         = var.architecture
  memory_mb            = var.memory_mb
  timeout_s            = var.timeout_s
  reserved_concurrency = var.reserved_concurrency
  environment          = merge({ WINDLASS_ESTATE_HOME_REGION = local.region }, var.environment)
  policy_json          = data.aws_iam_policy_document.function.json
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.kms_key_arn
  tags                 = var.tags
}

resource "aws_lambda_event_source_mapping" "events" {
  event_source_arn                   = module.queue.arn
  function_name                      = module.function.name
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_s
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  # Lambda refuses the mapping until the role may receive messages.
  depends_on = [module.function]
}

# Off by default: this resource is a bucket's WHOLE notification configuration, so that it would delete foreign entries.
resource "aws_s3_bucket_notification" "this" {
  count = var.manage_notification ? 1 : 0

  bucket = local.source_bucket

  dynamic "queue" {
    for_each = local.notification_entries

    content {
      id            = queue.value.Id
      queue_arn     = queue.value.QueueArn
      events        = queue.value.Events
      filter_prefix = var.source_prefix == "" ? null : var.source_prefix
      filter_suffix = queue.value.suffix == "" ? null : queue.value.suffix
    }
  }
}
