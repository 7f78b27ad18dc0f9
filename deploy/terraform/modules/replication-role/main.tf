# The service roles of S3 replication and of S3 Batch Operations: what `windlass replicate` would make, for those who
# create roles with another tool. A test compares the statements with src/windlass/replication/setup/role.py.

data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  arn_prefix = "arn:${data.aws_partition.current.partition}:s3:::"
  sources    = distinct([for one in var.pairs : "${local.arn_prefix}${one.source}"])
  replicas   = distinct([for one in var.pairs : "${local.arn_prefix}${one.destination}"])
  foreign    = distinct([for one in var.pairs : "${local.arn_prefix}${one.destination}" if one.destination_account_id != null])
  work       = var.staging_bucket == null ? local.sources : ["${local.arn_prefix}${var.staging_bucket}"]

  # The KMS guide names services in kms:ViaService with amazonaws.com only; in other partitions their suffix is allowed, too.
  suffixes = distinct(["amazonaws.com", data.aws_partition.current.dns_suffix])

  services = {
    replication = "s3.amazonaws.com"
    batch       = "batchoperations.s3.amazonaws.com"
  }
  policies = {
    replication = data.aws_iam_policy_document.replication.json
    batch       = data.aws_iam_policy_document.batch.json
  }

  keys = concat(
    [for one in var.pairs : { key = one.source_kms_key_arn, region = one.source_region, actions = ["kms:Decrypt"] } if one.source_kms_key_arn != null],
    [for one in var.pairs : { key = one.destination_kms_key_arn, region = one.destination_region, actions = ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"] } if one.destination_kms_key_arn != null],
  )
  copies = contains(var.batch_operations, "copy")
}

data "aws_iam_policy_document" "trust" {
  for_each = var.roles

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [local.services[each.value]]
    }
  }
}

data "aws_iam_policy_document" "replication" {
  statement {
    sid       = "ReadConfiguration"
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = local.sources
  }

  statement {
    sid = "ReadSource"
    actions = concat(
      ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"],
      var.object_lock ? ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] : [],
    )
    resources = [for one in local.sources : "${one}/*"]
  }

  statement {
    sid = "WriteReplica"
    actions = concat(
      ["s3:ReplicateObject", "s3:ReplicateTags"],
      var.object_lock ? ["s3:PutObjectRetention", "s3:PutObjectLegalHold"] : [],
      var.delete_markers ? ["s3:ReplicateDelete"] : [],
    )
    resources = [for one in local.replicas : "${one}/*"]
  }

  dynamic "statement" {
    for_each = length(local.foreign) > 0 ? [1] : []

    content {
      sid       = "GiveAway"
      actions   = ["s3:ObjectOwnerOverrideToBucketOwner"]
      resources = [for one in local.foreign : "${one}/*"]
    }
  }

  dynamic "statement" {
    for_each = { for at, one in local.keys : at => one }

    content {
      sid       = "Key${statement.key}"
      actions   = statement.value.actions
      resources = [statement.value.key]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = [for one in local.suffixes : "s3.${statement.value.region}.${one}"]
      }
    }
  }
}

data "aws_iam_policy_document" "batch" {
  dynamic "statement" {
    for_each = contains(var.batch_operations, "replicate") ? [1] : []

    content {
      sid       = "Replicate"
      actions   = ["s3:InitiateReplication"]
      resources = [for one in local.sources : "${one}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.copies ? [1] : []

    content {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = local.sources
    }
  }

  dynamic "statement" {
    for_each = local.copies ? [1] : []

    content {
      sid = "Read"
      actions = concat(
        ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectAcl"],
        var.copy_versions ? ["s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:GetObjectVersionAcl"] : [],
        var.object_lock ? ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] : [],
      )
      resources = [for one in local.sources : "${one}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.copies ? [1] : []

    content {
      sid = "Write"
      actions = concat(
        ["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"],
        var.object_lock ? ["s3:PutObjectRetention", "s3:PutObjectLegalHold"] : [],
      )
      resources = [for one in local.replicas : "${one}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.copies ? { for at, one in local.keys : at => one } : {}

    content {
      sid       = "Key${statement.key}"
      actions   = statement.value.actions
      resources = [statement.value.key]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = [for one in local.suffixes : "s3.${statement.value.region}.${one}"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.generated_manifests ? [1] : []

    content {
      sid = "Generate"
      actions = concat(
        contains(var.batch_operations, "replicate") ? ["s3:GetReplicationConfiguration"] : [],
        ["s3:PutInventoryConfiguration"],
      )
      resources = local.sources
    }
  }

  # The role reads manifests, writes those that S3 generates, and writes reports.
  statement {
    sid       = "Work"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = [for one in local.work : "${one}/${var.staging_prefix}*"]
  }
}

resource "aws_iam_role" "this" {
  for_each = var.roles

  name                 = "${var.name}-${each.value}-${data.aws_region.current.id}"
  description          = "Windlass: S3 ${each.value} of ${length(var.pairs)} pair(s)"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.value].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles

  name   = "windlass"
  role   = aws_iam_role.this[each.value].id
  policy = local.policies[each.value]
}

# What the owner of a foreign replica bucket has to add to its policy.
data "aws_iam_policy_document" "agreement" {
  for_each = toset(contains(var.roles, "replication") ? local.foreign : [])

  statement {
    sid       = "WindlassReplicas"
    actions   = concat(["s3:ReplicateObject", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"], var.delete_markers ? ["s3:ReplicateDelete"] : [])
    resources = ["${each.value}/*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.this["replication"].arn]
    }
  }
}
