output "role_arn" {
  description = "The role's ARN in this account; null where create_role is false."
  value       = one(aws_iam_role.this[*].arn)
  depends_on  = [aws_iam_role_policy_attachment.this]
}

output "role_name" {
  description = "The role's name in every account: `estate.organization_role` in windlass.toml."
  value       = var.name
}

output "role_arn_pattern" {
  description = "What whoever assumes it needs sts:AssumeRole on: `assume_role_arns` of module worker-irsa."
  value       = "arn:${data.aws_partition.current.partition}:iam::*:role/${var.name}"
}

output "template_body" {
  description = "The role as a CloudFormation template, for StackSets that are made elsewhere."
  value       = jsonencode(local.template)
}
