output "queue_url" {
  description = "The new queue's URL; null where create_queue is false."
  value       = one(module.queue[*].url)
}

output "queue_arn" {
  description = "The ARN of the queue that the events go to."
  value       = local.queue_arn
}

output "queue_name" {
  description = "The queue's name: `queue` in windlass.toml."
  value       = element(split(":", local.queue_arn), 5)
}

output "dead_letter_queue_url" {
  description = "The URL of the new queue's dead-letter queue; null where create_queue is false."
  value       = one(module.queue[*].dead_letter_url)
}

output "rule_name" {
  description = "The rule's name."
  value       = aws_cloudwatch_event_rule.this.name
}

output "rule_arn" {
  description = "The rule's ARN."
  value       = aws_cloudwatch_event_rule.this.arn
}
