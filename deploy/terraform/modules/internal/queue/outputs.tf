output "url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "The queue's ARN."
  value       = aws_sqs_queue.this.arn
}

output "name" {
  description = "The queue's name."
  value       = aws_sqs_queue.this.name
}

output "dead_letter_url" {
  description = "The dead-letter queue's URL; null where there is none."
  value       = one(aws_sqs_queue.dead[*].url)
}

output "dead_letter_arn" {
  description = "The dead-letter queue's ARN; null where there is none."
  value       = one(aws_sqs_queue.dead[*].arn)
}
