# What the function's role may do beside writing its log: take events and timers, keep its keys, and act.

locals {
  action_calls = {
    storage-gateway-refresh = ["storagegateway:DescribeNFSFileShares", "storagegateway:DescribeSMBFileShares", "storagegateway:RefreshCache"]
    cloudfront-invalidate   = ["cloudfront:CreateInvalidation"]
    sns-publish             = ["sns:Publish"]
    sqs-send                = ["sqs:SendMessage"]
    lambda-invoke           = ["lambda:InvokeFunction"]
  }
  refreshes = anytrue([for one in var.actions : one.kind == "storage-gateway-refresh"])
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = var.policy_json == null ? [] : [var.policy_json]

  statement {
    sid       = "ReceiveEvents"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ChangeMessageVisibility"]
    resources = [module.queue.arn, module.timers.arn]
  }

  statement {
    sid       = "SetTimers"
    actions   = ["sqs:SendMessage"]
    resources = [module.timers.arn]
  }

  statement {
    sid       = "KeepKeys"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Scan"]
    resources = [aws_dynamodb_table.keys.arn]
  }

  dynamic "statement" {
    for_each = { for at, one in var.actions : at => one }

    content {
      sid       = "Act${statement.key}"
      actions   = local.action_calls[statement.value.kind]
      resources = statement.value.resources
    }
  }

  # Which shares are over a bucket is known only when all were listed; the gateway's own writes are told by its role's id.
  dynamic "statement" {
    for_each = local.refreshes ? [1] : []

    content {
      sid       = "FindShares"
      actions   = ["storagegateway:ListFileShares", "iam:GetRole"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
