# What the function's role may do beside writing its log: receive its events, read the source, write the outputs.

locals {
  source_arn = "arn:${local.partition}:s3:::${var.source_bucket}"
  target_arn = "arn:${local.partition}:s3:::${var.target_bucket}"
  error_arn  = "arn:${local.partition}:s3:::${local.error_bucket}"

  written = distinct([
    "${local.target_arn}/${var.target_prefix}*",
    "${local.error_arn}/${var.error_prefix}*",
  ])
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = var.policy_json == null ? [] : [var.policy_json]

  statement {
    sid       = "ReceiveEvents"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.arn]
  }

  # Without it S3 answers 403 instead of 404 for an object that is not there, and gone can't be told from forbidden.
  statement {
    sid       = "TellGoneFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = distinct([local.source_arn, local.target_arn, local.error_arn])
  }

  statement {
    sid = "ReadSource"
    actions = concat(
      ["s3:GetObject", "s3:GetObjectVersion"],
      var.keep_tags ? ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"] : [],
    )
    resources = ["${local.source_arn}/${var.source_prefix}*"]
  }

  statement {
    sid = "WriteOutputs"
    actions = concat(
      ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      var.mirror_deletes ? ["s3:DeleteObject"] : [],
      var.keep_tags ? ["s3:PutObjectTagging"] : [],
    )
    resources = local.written
  }

  dynamic "statement" {
    for_each = var.source_kms_key_arn == null ? [] : [var.source_kms_key_arn]

    content {
      sid       = "DecryptSource"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.*.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.target_kms_key_arn == null ? [] : [var.target_kms_key_arn]

    content {
      sid       = "EncryptOutputs"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.*.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "DecryptMessages"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}
