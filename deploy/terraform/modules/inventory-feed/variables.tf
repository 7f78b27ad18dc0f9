variable "name" {
  description = "Name of the rule; the queue is NAME-events, the forwarding role NAME-REGION."
  type        = string
  default     = "windlass-feed"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,31}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 33 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "home_bus_arn" {
  description = "The default bus of the home account and region, in every other account and region; null at home, where the queue is made."
  type        = string
  default     = null
}

variable "sender_account_ids" {
  description = "At home, the other accounts that may send events to the bus."
  type        = list(string)
  default     = []
}

variable "visibility_timeout_s" {
  description = "Visibility timeout of the queue in seconds: the worker's visibility_s."
  type        = number
  default     = 60
}

variable "max_receive_count" {
  description = "Deliveries before a message goes to the dead-letter queue: more than five, in which a change that AWS does not show yet is read again."
  type        = number
  default     = 8

  validation {
    condition     = var.max_receive_count > 5
    error_message = "The feed reads a change that AWS does not show yet in up to five receives."
  }
}

variable "kms_key_arn" {
  description = "KMS key of the queue; its policy must allow events.amazonaws.com. null for SQS's own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
