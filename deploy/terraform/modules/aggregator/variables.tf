variable "name" {
  description = "Name of the function, its role and its table; its queues are NAME-events and NAME-timers."
  type        = string
  default     = "windlass-aggregator"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "source_bucket" {
  description = "Bucket whose objects the pipeline reads."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "source_bucket is not a valid bucket name."
  }
}

variable "create_source_bucket" {
  description = "Create the source bucket; false when it exists."
  type        = bool
  default     = false
}

variable "source_prefix" {
  description = "Prefix of the keys to read; empty for all."
  type        = string
  default     = ""
}

variable "source_suffixes" {
  description = "Suffixes of the keys to read; empty for all. No suffix may end with another one (S3 refuses that)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.source_suffixes : length([for other in var.source_suffixes : other if endswith(other, one)]) == 1])
    error_message = "A suffix is the end of another one, or is named twice."
  }
}

variable "events" {
  description = "S3 events to receive."
  type        = list(string)
  default     = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]

  validation {
    condition     = length(var.events) > 0 && alltrue([for one in var.events : startswith(one, "s3:")])
    error_message = "events is a list of S3 event names, such as s3:ObjectCreated:*."
  }
}

variable "manage_notification" {
  description = "Manage the source bucket's complete notification configuration. Use it only for buckets without entries of others: an apply REPLACES the configuration, a destroy empties it."
  type        = bool
  default     = false
}

variable "event_rule_names" {
  description = "EventBridge rules of this account and region that may send to the queue (module event-feed with create_queue = false)."
  type        = list(string)
  default     = []
}

variable "actions" {
  description = "Actions of the rules, by kind, and the ARNs they act on: file shares and gateways, distributions, topics, queues, functions. http-post, exec and python need none of these; give those policy_json."
  type = list(object({
    kind      = string
    resources = list(string)
  }))
  default = []

  validation {
    condition = alltrue([
      for one in var.actions :
      contains(["storage-gateway-refresh", "cloudfront-invalidate", "sns-publish", "sqs-send", "lambda-invoke"], one.kind) && length(one.resources) > 0
    ])
    error_message = "kind is storage-gateway-refresh, cloudfront-invalidate, sns-publish, sqs-send or lambda-invoke, each with resources."
  }
}

variable "batch_size" {
  description = "Object events of one run. They are counted together, so a large batch is cheap."
  type        = number
  default     = 1000

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000 && (var.batch_size <= 10 || var.batching_window_s >= 1)
    error_message = "batch_size is 1 to 10000, and over 10 needs batching_window_s >= 1."
  }
}

variable "batching_window_s" {
  description = "Seconds that Lambda waits for a batch of object events to fill; it delays actions by the same time."
  type        = number
  default     = 5

  validation {
    condition     = var.batching_window_s >= 0 && var.batching_window_s <= 300
    error_message = "batching_window_s is 0 to 300."
  }
}

variable "maximum_concurrency" {
  description = "Concurrent runs per queue."
  type        = number
  default     = 2

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency is 2 to 1000."
  }
}

variable "repair_minutes" {
  description = "Minutes between two checks for lost timers."
  type        = number
  default     = 5

  validation {
    condition     = var.repair_minutes >= 2 && var.repair_minutes <= 60 && floor(var.repair_minutes) == var.repair_minutes
    error_message = "repair_minutes is an integer from 2 to 60."
  }
}

variable "completion_events" {
  description = "Send Storage Gateway's refresh completions to the function (strict = true in windlass.toml)."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Protect the table from deletion. The table holds pending windows; without it, the changes since the last action wait for their key's next event."
  type        = bool
  default     = false
}

variable "point_in_time_recovery" {
  description = "Keep the table's last 35 days restorable."
  type        = bool
  default     = true
}

variable "access_log" {
  description = "Where server access logs of the bucket that is made here go; null for none."
  type = object({
    bucket = string
  })
  default = null
}

variable "force_destroy" {
  description = "Let `terraform destroy` delete the objects of the bucket that was made here."
  type        = bool
  default     = false
}

variable "zip_path" {
  description = "Local path of the zip that `windlass build lambda aggregator` made, with windlass.toml in it; null with zip_s3."
  type        = string
  default     = null

  validation {
    condition     = (var.zip_path == null) != (var.zip_s3 == null)
    error_message = "Give one of zip_path and zip_s3."
  }
}

variable "zip_s3" {
  description = "The zip in S3 instead (over 50 MB it must be there)."
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
  default     = "python3.13"

  validation {
    condition     = can(regex("^python3\\.1[1-9]$", var.runtime))
    error_message = "Windlass needs python3.11 or newer."
  }
}

variable "architecture" {
  description = "The processor that the zip was built for; arm64 costs a fifth less."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "memory_mb" {
  description = "The function's memory; its share of CPU grows with it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 256 && var.memory_mb <= 10240
    error_message = "memory_mb is 256 to 10240."
  }
}

variable "timeout_s" {
  description = "Timeout of one run in seconds. The queue's visibility timeout is six times as long, as AWS recommends."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_s >= 5 && var.timeout_s <= 900
    error_message = "timeout_s is 5 to 900."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent runs reserved from the account's limit; -1 reserves none."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Environment variables of the function; settings of windlass.toml as WINDLASS_SECTION_NAME. No secrets."
  type        = map(string)
  default     = {}
}

variable "max_receive_count" {
  description = "Deliveries before a message goes to the dead-letter queue."
  type        = number
  default     = 5

  validation {
    condition     = var.max_receive_count >= 2 && var.max_receive_count <= 1000
    error_message = "max_receive_count is 2 to 1000: with 1, a single throttled run loses the message to the dead-letter queue."
  }
}

variable "log_retention_days" {
  description = "Days for which the function's log is kept."
  type        = number
  default     = 30
}

variable "kms_key_arn" {
  description = "KMS key for the queues, the log, the table and the environment variables; null for AWS's own. Its policy must allow sqs, logs and the sender of events to use it."
  type        = string
  default     = null
}

variable "policy_json" {
  description = "What else the function's role may do, as a policy document; null for nothing."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
