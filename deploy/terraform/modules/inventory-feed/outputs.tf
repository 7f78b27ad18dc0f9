output "queue_url" {
  description = "The queue's URL, `feed.queue` in windlass.toml; null where events are forwarded."
  value       = one(module.queue[*].url)
}

output "queue_arn" {
  description = "The queue's ARN; null where events are forwarded."
  value       = one(module.queue[*].arn)
}

output "bus_arn" {
  description = "The default bus of this account and region: `home_bus_arn` of the others."
  value       = local.bus_arn
}
