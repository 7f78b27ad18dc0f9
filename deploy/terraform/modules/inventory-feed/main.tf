# What changes resources, by EventBridge: into a queue at home, to the home's bus from every other account and region.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  is_home = var.home_bus_arn == null
  prefix  = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  rule_arn = "${local.prefix}:rule/${var.name}"
  bus_arn  = "${local.prefix}:event-bus/default"
}

module "queue" {
  source = "../internal/queue"
  count  = local.is_home ? 1 : 0

  name                 = "${var.name}-events"
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

resource "aws_cloudwatch_event_permission" "senders" {
  for_each = local.is_home ? toset(var.sender_account_ids) : toset([])

  principal    = each.value
  statement_id = "${var.name}-${each.value}"
}

resource "aws_cloudwatch_event_rule" "this" {
  name        = var.name
  description = "Windlass: what changes resources, for the inventory"
  tags        = var.tags

  event_pattern = jsonencode({
    detail-type = [
      "AWS API Call via CloudTrail",
      "Config Configuration Item Change",
      "EC2 Instance State-change Notification",
    ]
  })
}

resource "aws_iam_role" "forwarding" {
  count = local.is_home ? 0 : 1

  name        = "${var.name}-${data.aws_region.current.id}"
  description = "Windlass: forwards events to the home's bus"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
    }]
  })
}

resource "aws_iam_role_policy" "forwarding" {
  count = local.is_home ? 0 : 1

  name = "forward"
  role = aws_iam_role.forwarding[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.home_bus_arn
    }]
  })
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "feed"
  arn       = local.is_home ? module.queue[0].arn : var.home_bus_arn
  role_arn  = local.is_home ? null : aws_iam_role.forwarding[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dynamic "dead_letter_config" {
    for_each = module.queue[*].dead_letter_arn

    content {
      arn = dead_letter_config.value
    }
  }
}
