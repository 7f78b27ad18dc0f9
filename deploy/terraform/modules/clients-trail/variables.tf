variable "trail_name" {
  description = "The trail's name: `clients.trail_name` in windlass.toml."
  type        = string
  default     = "windlass-s3-data-events"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.trail_name))
    error_message = "trail_name has 3 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "log_bucket" {
  description = "Name of the log bucket that is made; null for TRAIL-ACCOUNT."
  type        = string
  default     = null
}

variable "results_bucket" {
  description = "Name of the bucket of query results that is made; null for TRAIL-ACCOUNT-results."
  type        = string
  default     = null
}

variable "bucket_names" {
  description = "Only events of these buckets; empty for all. Each event costs: see docs/guide/deploy/terraform.md."
  type        = list(string)
  default     = []
}

variable "keep_days" {
  description = "Days until log files expire."
  type        = number
  default     = 90

  validation {
    condition     = var.keep_days >= 1
    error_message = "keep_days is at least 1."
  }
}

variable "results_keep_days" {
  description = "Days until query results expire."
  type        = number
  default     = 7
}

variable "logging" {
  description = "Whether the trail records. Set it to false when you have seen enough: its files stay, and no event costs any more."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "KMS key of log files and query results; its policy must allow cloudtrail.amazonaws.com. null for S3's own encryption."
  type        = string
  default     = null
}

variable "database_name" {
  description = "Glue database to create: `clients.athena_database` in windlass.toml."
  type        = string
  default     = "windlass"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name has small letters, digits and underscores."
  }
}

variable "table_name" {
  description = "Table over the log files, for your own SQL; `windlass clients scan --athena` creates one per layout."
  type        = string
  default     = "s3_data_events"
}

variable "first_day" {
  description = "First day of the table's partitions, as 2026/11/28."
  type        = string
  default     = "2026/01/01"

  validation {
    condition     = can(regex("^20[0-9]{2}/[01][0-9]/[0-3][0-9]$", var.first_day))
    error_message = "first_day must have the form 2026/11/28."
  }
}

variable "regions" {
  description = "Regions in the table's partitions; the trail records all."
  type        = list(string)
  default = [
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
    "us-west-2",
  ]

  validation {
    condition     = length(var.regions) > 0
    error_message = "Name a region."
  }
}

variable "workgroup_name" {
  description = "Athena workgroup to create: `clients.athena_workgroup` in windlass.toml."
  type        = string
  default     = "windlass"
}

variable "scan_limit_gb" {
  description = "Limit of the data that one query reads; Athena stops a larger query."
  type        = number
  default     = 1000

  validation {
    condition     = var.scan_limit_gb >= 1
    error_message = "scan_limit_gb is at least 1."
  }
}

variable "access_log" {
  description = "Where server access logs of both buckets go; null for none."
  type = object({
    bucket = string
  })
  default = null
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the log files and the results."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
