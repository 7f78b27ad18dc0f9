# A queue, its policy and its dead-letter queue. Part of other modules.
#
# Policies are arguments of the queues, not separate resources: a queue never exists without its policy, and an
# apply is a minute shorter (the provider waits for each). Hence ARNs made of names.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  arn_prefix = join(":", ["arn", data.aws_partition.current.partition, "sqs", data.aws_region.current.id, data.aws_caller_identity.current.account_id])
  arn        = "${local.arn_prefix}:${var.name}"
  policies = {
    queue = { arn = local.arn, senders = var.senders }
    dead  = { arn = "${local.arn}-dead", senders = var.dead_letter_senders }
  }
}

data "aws_iam_policy_document" "this" {
  for_each = local.policies

  dynamic "statement" {
    for_each = [for one in each.value.senders : one if length(one.source_arns) > 0]

    content {
      sid       = "From${replace(title(replace(statement.value.service, ".", " ")), " ", "")}"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = statement.value.source_arns
      }

      # A bucket's ARN does not name its account, and another account may get its name one day; a rule's ARN names the account.
      dynamic "condition" {
        for_each = statement.value.service == "s3.amazonaws.com" ? [1] : []

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [data.aws_caller_identity.current.account_id]
        }
      }
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue" "dead" {
  count = var.dead_letter ? 1 : 0

  name                              = "${var.name}-dead"
  message_retention_seconds         = 1209600
  policy                            = data.aws_iam_policy_document.this["dead"].json
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arn]
  })
}

resource "aws_sqs_queue" "this" {
  name                              = var.name
  visibility_timeout_seconds        = var.visibility_timeout_s
  message_retention_seconds         = var.retention_s
  receive_wait_time_seconds         = 20
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  policy                            = data.aws_iam_policy_document.this["queue"].json
  tags                              = var.tags

  redrive_policy = var.dead_letter ? jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[0].arn
    maxReceiveCount     = var.max_receive_count
  }) : null
}
