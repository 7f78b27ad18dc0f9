output "replication_role_arn" {
  description = "ARN for replication rules: `replication_role` of [replication] in windlass.toml; null when it was not created."
  value       = try(aws_iam_role.this["replication"].arn, null)
  depends_on  = [aws_iam_role_policy.this]
}

output "batch_role_arn" {
  description = "ARN for batch jobs: `role` of [replication] in windlass.toml; null when it was not created."
  value       = try(aws_iam_role.this["batch"].arn, null)
  depends_on  = [aws_iam_role_policy.this]
}

output "role_names" {
  description = "The roles' names, by kind."
  value       = { for kind, role in aws_iam_role.this : kind => role.name }
}

output "destination_policies" {
  description = "For replicas in other accounts: the bucket's ARN and the policy document that its owner must add."
  value       = { for arn, document in data.aws_iam_policy_document.agreement : arn => document.json }
}

output "pass_role_policy" {
  description = "What whoever runs `windlass replicate` needs to hand these roles to S3."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = [for role in aws_iam_role.this : role.arn]
      Condition = { StringEquals = { "iam:PassedToService" = [for kind in var.roles : local.services[kind]] } }
    }]
  })
}
