variable "name" {
  description = "The function's name, and its role's."
  type        = string
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "handler" {
  description = "The handler, as module.function."
  type        = string
}

variable "zip_path" {
  description = "Local zip that `windlass build lambda` made; null with zip_s3."
  type        = string
  default     = null
}

variable "zip_s3" {
  description = "The zip in S3 instead."
  type = object({
    bucket  = string
    key     = string
    version = optional(string)
  })
  default = null
}

variable "runtime" {
  description = "Python version in Lambda; it must be the version that the zip was built for."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64, which must be the one that the zip was built for."
  type        = string
}

variable "memory_mb" {
  description = "Memory in MB; Lambda assigns CPU by memory."
  type        = number
}

variable "timeout_s" {
  description = "Timeout of one run in seconds."
  type        = number
}

variable "reserved_concurrency" {
  description = "Concurrent runs reserved from the account's limit; -1 reserves none."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  default     = {}
}

variable "policy_json" {
  description = "What the function's role may do, beside writing its own log."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which the log is kept."
  type        = number
}

variable "kms_key_arn" {
  description = "KMS key of the log and of the environment variables; null for AWS's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the function, its role and its log."
  type        = map(string)
  default     = {}
}
