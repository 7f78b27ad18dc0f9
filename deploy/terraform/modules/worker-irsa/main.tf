# The role of Windlass's pods: only this service account of this namespace may take it.

locals {
  irsa         = contains(["irsa", "both"], var.trust)
  pod_identity = contains(["pod-identity", "both"], var.trust)
  issuer       = local.irsa ? split("oidc-provider/", var.oidc_provider_arn)[1] : ""
  buckets      = distinct([for one in concat(var.read_objects, var.write_objects) : split("/", one)[0]])
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.irsa ? [1] : []

    content {
      sid     = "Irsa"
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:sub"
        values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }

  # KEDA's operator asks SQS for the depth as the workload's role (identityOwner: workload), with its own service account's token.
  dynamic "statement" {
    for_each = local.irsa && var.keda_service_account != "" ? [1] : []

    content {
      sid     = "Keda"
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:sub"
        values   = ["system:serviceaccount:${replace(var.keda_service_account, "/", ":")}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.issuer}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }

  # The agent tags its sessions; without these conditions, any association of the account could use the role.
  dynamic "statement" {
    for_each = local.pod_identity ? [1] : []

    content {
      sid     = "PodIdentity"
      actions = ["sts:AssumeRole", "sts:TagSession"]

      principals {
        type        = "Service"
        identifiers = ["pods.eks.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/eks-cluster-arn"
        values = [join(":", [
          "arn", data.aws_partition.current.partition, "eks", data.aws_region.current.id,
          data.aws_caller_identity.current.account_id, "cluster/${var.cluster_name}",
        ])]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-namespace"
        values   = [var.namespace]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/kubernetes-service-account"
        values   = [var.service_account]
      }
    }
  }
}

data "aws_iam_policy_document" "worker" {
  source_policy_documents = var.policy_json == null ? [] : [var.policy_json]

  dynamic "statement" {
    for_each = length(var.queue_arns) > 0 ? [1] : []

    content {
      sid       = "Consume"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      resources = var.queue_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.send_queue_arns) > 0 ? [1] : []

    content {
      sid       = "Send"
      actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
      resources = var.send_queue_arns
    }
  }

  # Without it S3 answers 403 instead of 404 for a missing object, so missing and forbidden are indistinguishable.
  dynamic "statement" {
    for_each = length(local.buckets) > 0 ? [1] : []

    content {
      sid       = "TellGoneFromForbidden"
      actions   = ["s3:ListBucket"]
      resources = local.buckets
    }
  }

  dynamic "statement" {
    for_each = length(var.read_objects) > 0 ? [1] : []

    content {
      sid       = "Read"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = var.read_objects
    }
  }

  dynamic "statement" {
    for_each = length(var.write_objects) > 0 ? [1] : []

    content {
      sid       = "Write"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
      resources = var.write_objects
    }
  }

  dynamic "statement" {
    for_each = length(var.delete_objects) > 0 ? [1] : []

    content {
      sid       = "Delete"
      actions   = ["s3:DeleteObject"]
      resources = var.delete_objects
    }
  }

  dynamic "statement" {
    for_each = length(var.table_arns) > 0 ? [1] : []

    content {
      sid       = "KeepKeys"
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Scan"]
      resources = var.table_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.assume_role_arns) > 0 ? [1] : []

    content {
      sid       = "VisitAccounts"
      actions   = ["sts:AssumeRole"]
      resources = var.assume_role_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "UseKeys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = "${var.name}-${data.aws_region.current.id}"
  description          = "Windlass in Kubernetes: service account ${var.namespace}/${var.service_account}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "windlass"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.worker.json
}

resource "aws_eks_pod_identity_association" "this" {
  count = local.pod_identity && var.associate ? 1 : 0

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
  tags            = var.tags
}
