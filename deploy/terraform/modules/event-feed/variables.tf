variable "name" {
  description = "Name of the rule, and of the queue that is made for it."
  type        = string
  default     = "windlass-feed"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "bucket_names" {
  description = "Buckets whose events are received. EventBridge must be enabled for each (see enable_eventbridge)."
  type        = list(string)

  validation {
    condition     = length(var.bucket_names) > 0
    error_message = "Name a bucket."
  }
}

variable "key_prefixes" {
  description = "Prefixes of keys; empty for all."
  type        = list(string)
  default     = []
}

variable "key_suffixes" {
  description = "Suffixes of keys; empty for all. With key_prefixes, a key that matches any of either is sent: the consumer filters again."
  type        = list(string)
  default     = []
}

variable "detail_types" {
  description = "EventBridge's names of the S3 events."
  type        = list(string)
  default     = ["Object Created", "Object Deleted"]

  validation {
    condition     = length(var.detail_types) > 0
    error_message = "Name an event."
  }
}

variable "create_queue" {
  description = "Create a queue with a dead-letter queue; false to send to queue_arn, whose policy must allow the rule."
  type        = bool
  default     = true
}

variable "queue_arn" {
  description = "The queue to send to where create_queue is false."
  type        = string
  default     = null

  validation {
    condition     = var.create_queue == (var.queue_arn == null)
    error_message = "Give queue_arn exactly when create_queue is false."
  }
}

variable "undeliverable_queue_arn" {
  description = "Queue for events that EventBridge could not deliver; null for the dead-letter queue that is made here, or none."
  type        = string
  default     = null
}

variable "visibility_timeout_s" {
  description = "Visibility timeout of the new queue in seconds: six times a function's timeout, or a worker's visibility_s."
  type        = number
  default     = 720
}

variable "max_receive_count" {
  description = "Deliveries before a message of the new queue goes to its dead-letter queue."
  type        = number
  default     = 5
}

variable "kms_key_arn" {
  description = "KMS key of the new queue; its policy must allow events.amazonaws.com. null for SQS's own encryption."
  type        = string
  default     = null
}

variable "enable_eventbridge" {
  description = "Buckets of bucket_names for which to enable EventBridge. This replaces their COMPLETE notification configuration: use it only for buckets without entries of others."
  type        = list(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.enable_eventbridge, var.bucket_names)) == 0
    error_message = "enable_eventbridge names a bucket that is not in bucket_names."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
