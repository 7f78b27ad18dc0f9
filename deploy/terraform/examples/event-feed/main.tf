# The events of a bucket that is there already, and that others have entries in: EventBridge is on for it (its owner has
# `eventbridge = true` in their own configuration), and nothing of the bucket is touched here.

variable "bucket_name" {
  description = "The bucket."
  type        = string
}

module "feed" {
  source = "../../modules/event-feed"

  name         = "windlass-feed"
  bucket_names = [var.bucket_name]
  key_prefixes = ["in/"]
}

output "feed" {
  description = "All outputs of the module."
  value       = module.feed
}
