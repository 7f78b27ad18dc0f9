# What the function's role may do beside writing its log: what `windlass policy aggregation --for-function` prints for such a
# configuration (a test compares them).

locals {
  action_calls = {
    storage-gateway-refresh = ["storagegateway:DescribeNFSFileShares", "storagegateway:DescribeSMBFileShares", "storagegateway:RefreshCache"]
    cloudfront-invalidate   = ["cloudfront:CreateInvalidation"]
    sns-publish             = ["sns:Publish"]
    sqs-send                = ["sqs:SendMessage"]
    lambda-invoke           = ["lambda:InvokeFunction"]
  }
  kinds     = [for one in var.actions : one.kind]
  refreshes = contains(local.kinds, "storage-gateway-refresh")
  # Expected completions are separate items.
  puts = var.completion_events || local.refreshes || contains(local.kinds, "cloudfront-invalidate")
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = var.policy_json == null ? [] : [var.policy_json]

  statement {
    sid       = "Consume"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    resources = [module.queue.arn, module.timers.arn]
  }

  statement {
    sid       = "SetTimers"
    actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
    resources = [module.timers.arn]
  }

  statement {
    sid       = "KeepKeys"
    actions   = concat(["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"], local.puts ? ["dynamodb:PutItem"] : [])
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

  # A bucket's shares are found only by listing all; the gateway's own writes are recognised by its role's id.
  dynamic "statement" {
    for_each = local.refreshes ? [1] : []

    content {
      sid       = "ListShares"
      actions   = ["storagegateway:ListFileShares"]
      resources = ["arn:${local.partition}:storagegateway:${local.region}:${local.account_id}:*"]
    }
  }

  dynamic "statement" {
    for_each = local.refreshes ? [1] : []

    content {
      sid       = "GatewayRoles"
      actions   = ["iam:GetRole"]
      resources = ["arn:${local.partition}:iam::${local.account_id}:role/*"]
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
