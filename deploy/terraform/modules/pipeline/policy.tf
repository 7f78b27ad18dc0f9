# What the function's role may do beside writing its log: what `windlass policy pipelines --for-function` prints for such a
# configuration (a test compares them).

locals {
  source_arn = "arn:${local.partition}:s3:::${var.source_bucket}"
  target_arn = "arn:${local.partition}:s3:::${var.target_bucket}"
  error_arn  = "arn:${local.partition}:s3:::${local.error_bucket}"

  sources = "${local.source_arn}/${var.source_prefix}*"
  outputs = "${local.target_arn}/${var.target_prefix}*"
  refused = "${local.error_arn}/${var.error_prefix}*"

  listed = {
    Sources = { arn = local.source_arn, prefix = var.source_prefix }
    Targets = { arn = local.target_arn, prefix = var.target_prefix }
  }
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = var.policy_json == null ? [] : [var.policy_json]

  statement {
    sid       = "Consume"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    resources = [module.queue.arn]
  }

  # Without it S3 answers 403 instead of 404 for a missing object, so missing and forbidden are indistinguishable. Such
  # requests carry no prefix, hence IfExists.
  dynamic "statement" {
    for_each = local.listed

    content {
      sid       = "Find${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = [statement.value.arn]

      dynamic "condition" {
        for_each = statement.value.prefix == "" ? [] : [statement.value.prefix]

        content {
          test     = "StringLikeIfExists"
          variable = "s3:prefix"
          values   = ["${condition.value}*"]
        }
      }
    }
  }

  statement {
    sid = "ReadSources"
    actions = concat(
      ["s3:GetObject"],
      var.read_versions ? ["s3:GetObjectVersion"] : [],
      var.keep_tags ? ["s3:GetObjectVersionTagging"] : [],
    )
    resources = [local.sources]
  }

  statement {
    sid = "WriteTargets"
    actions = concat(
      ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
      var.mirror_deletes ? ["s3:DeleteObject"] : [],
      var.keep_tags ? ["s3:PutObjectTagging"] : [],
    )
    resources = [local.outputs]
  }

  # A refused object is copied with its tags, and the reason is written beside it.
  statement {
    sid       = "KeepRefused"
    actions   = ["s3:PutObject", "s3:PutObjectTagging"]
    resources = [local.refused]
  }

  statement {
    sid       = "ReadTags"
    actions   = ["s3:GetObjectTagging"]
    resources = [local.sources]
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
        values   = [for one in local.suffixes : "s3.*.${one}"]
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
        values   = [for one in local.suffixes : "s3.*.${one}"]
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
