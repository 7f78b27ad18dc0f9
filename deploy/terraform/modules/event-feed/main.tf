# S3's events by EventBridge into a queue. A bucket's own entries stay as they are: a rule lives outside the bucket.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  rule_arn = join(":", [
    "arn", data.aws_partition.current.partition, "events", data.aws_region.current.id,
    data.aws_caller_identity.current.account_id, "rule/${var.name}",
  ])
  queue_arn         = var.create_queue ? module.queue[0].arn : var.queue_arn
  undeliverable_arn = var.undeliverable_queue_arn != null || !var.create_queue ? var.undeliverable_queue_arn : module.queue[0].dead_letter_arn
  key_filters = concat(
    [for one in var.key_prefixes : { prefix = one }],
    [for one in var.key_suffixes : { suffix = one }],
  )
}

module "queue" {
  source = "../internal/queue"
  count  = var.create_queue ? 1 : 0

  name                 = var.name
  visibility_timeout_s = var.visibility_timeout_s
  max_receive_count    = var.max_receive_count
  kms_key_arn          = var.kms_key_arn
  tags                 = var.tags

  senders = [{
    service     = "events.amazonaws.com"
    source_arns = [local.rule_arn]
  }]
  dead_letter_senders = [{
    service     = "events.amazonaws.com"
    source_arns = [local.rule_arn]
  }]
}

resource "aws_cloudwatch_event_rule" "this" {
  name        = var.name
  description = "Windlass: S3 object events of ${length(var.bucket_names)} bucket(s) into a queue"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = var.detail_types
    detail = merge(
      { bucket = { name = var.bucket_names } },
      length(local.key_filters) == 0 ? {} : { object = { key = local.key_filters } },
    )
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "queue"
  arn       = local.queue_arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dynamic "dead_letter_config" {
    for_each = var.create_queue || var.undeliverable_queue_arn != null ? [1] : []

    content {
      arn = local.undeliverable_arn
    }
  }
}

resource "aws_s3_bucket_notification" "this" {
  for_each = toset(var.enable_eventbridge)

  bucket      = each.value
  eventbridge = true
}
