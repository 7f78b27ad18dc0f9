output "function_name" {
  description = "The function's name."
  value       = module.function.name
}

output "function_arn" {
  description = "The function's ARN."
  value       = module.function.arn
}

output "role_arn" {
  description = "The ARN of the function's role."
  value       = module.function.role_arn
}

output "log_group" {
  description = "The name of the function's log group."
  value       = module.function.log_group
}

output "queue_url" {
  description = "The URL of the queue of object events."
  value       = module.queue.url
}

output "queue_arn" {
  description = "The ARN of the queue of object events."
  value       = module.queue.arn
}

output "queue_name" {
  description = "The name of the queue of object events: `queue` in windlass.toml."
  value       = module.queue.name
}

output "dead_letter_queue_url" {
  description = "The URL of the dead-letter queue."
  value       = module.queue.dead_letter_url
}

output "dead_letter_queue_arn" {
  description = "The ARN of the dead-letter queue."
  value       = module.queue.dead_letter_arn
}

output "source_bucket" {
  description = "The source bucket's name."
  value       = local.source_bucket
}

output "notification_entries" {
  description = "What to add to the source bucket's QueueConfigurations where manage_notification is false, as S3's API takes it."
  value = [for one in local.notification_entries : merge(
    { Id = one.Id, QueueArn = one.QueueArn, Events = one.Events },
    var.source_prefix == "" && one.suffix == "" ? {} : {
      Filter = { Key = { FilterRules = concat(
        var.source_prefix == "" ? [] : [{ Name = "prefix", Value = var.source_prefix }],
        one.suffix == "" ? [] : [{ Name = "suffix", Value = one.suffix }],
      ) } }
    },
  )]
}

output "timer_queue_url" {
  description = "The URL of the queue of timers."
  value       = module.timers.url
}

output "timer_queue_name" {
  description = "The name of the queue of timers: `timers` in windlass.toml."
  value       = module.timers.name
}

output "table_name" {
  description = "The table's name: `table` in windlass.toml."
  value       = aws_dynamodb_table.keys.name
}

output "table_arn" {
  description = "The table's ARN."
  value       = aws_dynamodb_table.keys.arn
}
