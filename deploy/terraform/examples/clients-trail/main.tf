# Who still calls which bucket how.

variable "bucket_names" {
  description = "Buckets to record; empty for all."
  type        = list(string)
  default     = []
}

module "clients_trail" {
  source = "../../modules/clients-trail"

  bucket_names = var.bucket_names
  first_day    = "2026/11/01"
}

output "clients_trail" {
  description = "All outputs of the module."
  value       = module.clients_trail
}
