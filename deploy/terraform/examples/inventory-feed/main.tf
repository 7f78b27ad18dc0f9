# The events of this account and region, into the queue that `windlass inventory feed` consumes.

module "feed" {
  source = "../../modules/inventory-feed"

  name = "windlass-feed"
}

output "feed" {
  description = "All that the module tells."
  value       = module.feed
}
