variable "name" {
  description = "The bucket's name."
  type        = string
}

variable "versioning" {
  description = "Keep old versions of objects."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "KMS key that encrypts new objects; null for S3's own (SSE-S3)."
  type        = string
  default     = null
}

variable "expire_days" {
  description = "Days until objects expire; null keeps them."
  type        = number
  default     = null
}

variable "noncurrent_days" {
  description = "Days until old versions expire."
  type        = number
  default     = 30
}

variable "access_log" {
  description = "Where S3's server access logs go; null for none."
  type = object({
    bucket = string
  })
  default = null
}

variable "policy_json" {
  description = "Statements to add to the bucket's policy, as a policy document; null for none."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Delete the bucket's objects with it."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
}
