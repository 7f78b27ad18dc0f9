output "trail_arn" {
  description = "The trail's ARN."
  value       = aws_cloudtrail.this.arn
}

output "log_bucket" {
  description = "The log bucket's name."
  value       = module.log_bucket.name
}

output "log_location" {
  description = "Where the log files are: what `windlass clients scan` takes."
  value       = local.location
}

output "results_bucket" {
  description = "The name of the bucket of query results."
  value       = module.results_bucket.name
}

output "database_name" {
  description = "The Glue database's name."
  value       = aws_glue_catalog_database.this.name
}

output "table_name" {
  description = "The table's name."
  value       = aws_glue_catalog_table.this.name
}

output "workgroup_name" {
  description = "The Athena workgroup's name."
  value       = aws_athena_workgroup.this.name
}
