# Roles for a pair of buckets that are there already.

variable "source_bucket" {
  description = "The bucket."
  type        = string
}

variable "destination_bucket" {
  description = "Its replica."
  type        = string
}

module "replication_role" {
  source = "../../modules/replication-role"

  name             = "windlass-seed"
  pairs            = [{ source = var.source_bucket, destination = var.destination_bucket }]
  batch_operations = ["replicate", "copy"]
}

output "replication_role" {
  description = "All outputs of the module."
  value       = module.replication_role
}
