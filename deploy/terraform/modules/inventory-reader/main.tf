# The role that the inventory assumes in a member account, here and, by a StackSet, in all accounts of some OUs.

data "aws_partition" "current" {}

locals {
  conditions = merge(
    var.external_id == null ? {} : { "sts:ExternalId" = var.external_id },
    var.organization_id == null ? {} : { "aws:PrincipalOrgID" = var.organization_id },
  )
  trust = {
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Principal = { AWS = var.trusted_principal_arns }
        Action    = "sts:AssumeRole"
      },
      length(local.conditions) == 0 ? {} : { Condition = { StringEquals = local.conditions } },
    )]
  }
  # A managed policy has at most 6,144 characters: 160 actions have about 4,900.
  chunks = chunklist(sort(flatten([for service, names in local.actions : [for name in names : "${service}:${name}"]])), 160)
  policies = { for number, chunk in local.chunks : "Read${number + 1}" => {
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadConfiguration"
      Effect   = "Allow"
      Action   = chunk
      Resource = "*"
    }]
  } }
  template = {
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "The role that Windlass's inventory assumes: it reads configuration, no data."
    Resources = merge({
      Role = {
        Type = "AWS::IAM::Role"
        Properties = {
          RoleName                 = var.name
          Description              = "Windlass: reads configuration, no data"
          MaxSessionDuration       = var.max_session_s
          AssumeRolePolicyDocument = local.trust
          Tags                     = [for name, value in var.tags : { Key = name, Value = value }]
        }
      }
      }, { for name, document in local.policies : name => {
        Type = "AWS::IAM::ManagedPolicy"
        Properties = {
          Description    = "Windlass: reads configuration, no data"
          PolicyDocument = document
          Roles          = [{ Ref = "Role" }]
        }
    } })
    Outputs = { RoleArn = { Value = { "Fn::GetAtt" = ["Role", "Arn"] } } }
  }
}

resource "aws_iam_role" "this" {
  count = var.create_role ? 1 : 0

  name                 = var.name
  description          = "Windlass: reads configuration, no data"
  max_session_duration = var.max_session_s
  assume_role_policy   = jsonencode(local.trust)
  tags                 = var.tags
}

resource "aws_iam_policy" "this" {
  for_each = var.create_role ? local.policies : {}

  name        = "${var.name}-${each.key}"
  description = "Windlass: reads configuration, no data"
  policy      = jsonencode(each.value)
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = aws_iam_policy.this

  role       = aws_iam_role.this[0].name
  policy_arn = each.value.arn
}

resource "aws_cloudformation_stack_set" "this" {
  count = length(var.organizational_unit_ids) > 0 ? 1 : 0

  name             = var.name
  description      = "Windlass: the inventory's role in member accounts"
  permission_model = "SERVICE_MANAGED"
  call_as          = var.delegated_admin ? "DELEGATED_ADMIN" : "SELF"
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = jsonencode(local.template)
  tags             = var.tags

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  operation_preferences {
    max_concurrent_percentage    = 100
    failure_tolerance_percentage = 100
  }
}

# IAM is global: one region's stacks are enough.
resource "aws_cloudformation_stack_set_instance" "this" {
  count = length(var.organizational_unit_ids) > 0 ? 1 : 0

  stack_set_name = aws_cloudformation_stack_set.this[0].name
  call_as        = var.delegated_admin ? "DELEGATED_ADMIN" : "SELF"

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }
}
