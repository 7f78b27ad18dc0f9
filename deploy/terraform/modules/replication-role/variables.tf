variable "name" {
  description = "Begins the roles' names: NAME-replication and NAME-batch."
  type        = string
  default     = "windlass-seed"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "pairs" {
  description = "Buckets and their replicas. destination_account_id only where the replica is another account's; kms_key_arns where objects are encrypted by KMS, with each bucket's region."
  type = list(object({
    source                  = string
    destination             = string
    destination_account_id  = optional(string)
    source_kms_key_arn      = optional(string)
    source_region           = optional(string)
    destination_kms_key_arn = optional(string)
    destination_region      = optional(string)
  }))

  validation {
    condition     = length(var.pairs) > 0 && alltrue([for one in var.pairs : one.source != one.destination])
    error_message = "Name a pair, of two different buckets."
  }

  validation {
    condition = alltrue([
      for one in var.pairs :
      (one.source_kms_key_arn == null || one.source_region != null) && (one.destination_kms_key_arn == null || one.destination_region != null)
    ])
    error_message = "A KMS key is used through S3 of one region: give source_region and destination_region with the keys."
  }

  validation {
    condition     = alltrue([for one in var.pairs : one.destination_account_id == null || can(regex("^[0-9]{12}$", one.destination_account_id))])
    error_message = "destination_account_id is twelve digits."
  }
}

variable "roles" {
  description = "Which roles to make: replication (for replication rules), batch (for jobs)."
  type        = set(string)
  default     = ["replication", "batch"]

  validation {
    condition     = length(var.roles) > 0 && length(setsubtract(var.roles, ["replication", "batch"])) == 0
    error_message = "roles are replication and batch."
  }
}

variable "batch_operations" {
  description = "What the jobs may do: replicate (true replicas), copy."
  type        = set(string)
  default     = ["replicate"]

  validation {
    condition     = length(var.batch_operations) > 0 && length(setsubtract(var.batch_operations, ["replicate", "copy"])) == 0
    error_message = "batch_operations are replicate and copy."
  }
}

variable "copy_versions" {
  description = "Let copy jobs read versions that are named in their manifest."
  type        = bool
  default     = false
}

variable "object_lock" {
  description = "The buckets have Object Lock: retention and legal holds come along."
  type        = bool
  default     = false
}

variable "delete_markers" {
  description = "Also replicate delete markers."
  type        = bool
  default     = false
}

variable "generated_manifests" {
  description = "Let S3 make the jobs' manifests itself."
  type        = bool
  default     = true
}

variable "staging_bucket" {
  description = "Bucket of manifests and reports ([replication] staging); null for each pair's source bucket."
  type        = string
  default     = null
}

variable "staging_prefix" {
  description = "Prefix of manifests and reports."
  type        = string
  default     = ".windlass/seed/"
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
