variable "name" {
  description = "The queue's name; its dead-letter queue is NAME-dead."
  type        = string
}

variable "dead_letter" {
  description = "Create a dead-letter queue."
  type        = bool
  default     = true
}

variable "max_receive_count" {
  description = "Deliveries before a message goes to the dead-letter queue."
  type        = number
  default     = 5
}

variable "visibility_timeout_s" {
  description = "Visibility timeout in seconds."
  type        = number
  default     = 60
}

variable "retention_s" {
  description = "Retention of messages in seconds."
  type        = number
  default     = 1209600
}

variable "kms_key_arn" {
  description = "KMS key of the queue; null for SQS's own encryption (SSE-SQS)."
  type        = string
  default     = null
}

variable "senders" {
  description = "AWS services that may send: the service's principal, and the ARNs it sends on behalf of."
  type = list(object({
    service     = string
    source_arns = list(string)
  }))
  default = []
}

variable "dead_letter_senders" {
  description = "AWS services that may send to the dead-letter queue."
  type = list(object({
    service     = string
    source_arns = list(string)
  }))
  default = []
}

variable "tags" {
  description = "Tags of the queues."
  type        = map(string)
  default     = {}
}
