# A function with its role and its log. Part of other modules.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:The caller decides the retention: log_retention_days
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts with AWS's own key; kms_key_arn switches to one of yours
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

data "aws_region" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "log" {
  statement {
    sid       = "OwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}

data "aws_iam_policy_document" "all" {
  source_policy_documents = [data.aws_iam_policy_document.log.json, var.policy_json]
}

resource "aws_iam_role" "this" {
  # A role belongs to the account, a function to a region: the module in two regions makes two roles.
  name               = "${var.name}-${data.aws_region.current.id}"
  description        = "Role of the function ${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "windlass"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.all.json
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:Windlass logs each window and batch with its ids; tracing would add a cost per request
  #checkov:skip=CKV_AWS_115:How many run at once is bounded by the event source mapping; reserving takes from the account's other functions: reserved_concurrency
  #checkov:skip=CKV_AWS_116:Its sources are queues with redrive policies; a function's own DLQ takes asynchronous calls only
  #checkov:skip=CKV_AWS_117:It calls AWS's public APIs only; in a VPC it would need endpoints or a NAT gateway, and reach more
  #checkov:skip=CKV_AWS_173:Its environment holds names, no secrets; kms_key_arn encrypts it with a key of yours
  #checkov:skip=CKV_AWS_272:The zip is reproducible and pinned by its hash; signing needs a profile of the caller's
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  handler                        = var.handler
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = var.reserved_concurrency
  filename                       = var.zip_path
  source_code_hash               = var.zip_path == null ? null : filebase64sha256(var.zip_path)
  s3_bucket                      = try(var.zip_s3.bucket, null)
  s3_key                         = try(var.zip_s3.key, null)
  s3_object_version              = try(var.zip_s3.version, null)
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []

    content {
      variables = environment.value
    }
  }

  depends_on = [aws_cloudwatch_log_group.this]
}
