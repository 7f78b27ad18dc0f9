output "role_arn" {
  description = "The role's ARN."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_iam_role_policy.this]
}

output "role_name" {
  description = "The role's name."
  value       = aws_iam_role.this.name
}

output "service_account_annotations" {
  description = "Annotations for the service account: `serviceAccount.annotations` of the Helm chart. Empty for pod-identity, which needs none."
  value       = local.irsa ? { "eks.amazonaws.com/role-arn" = aws_iam_role.this.arn } : {}
}
