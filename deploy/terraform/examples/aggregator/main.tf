# Many objects arrive in a bucket, and a queue receives one message per window. The bucket is created here, so that others have no entries
# in its notification configuration, and the module may own it.

variable "prefix" {
  description = "Prefix of the bucket's name, which must be globally unique."
  type        = string
}

variable "zip_path" {
  description = "What `windlass build lambda aggregator` made, with windlass.toml in it."
  type        = string
}

variable "runtime" {
  description = "Python that the zip was built for."
  type        = string
  default     = "python3.13"
}

variable "architecture" {
  description = "Processor that the zip was built for."
  type        = string
  default     = "arm64"
}

resource "aws_sqs_queue" "actions" {
  name                    = "windlass-actions"
  sqs_managed_sse_enabled = true
}

module "aggregator" {
  source = "../../modules/aggregator"

  name                 = "windlass-aggregator"
  source_bucket        = "${var.prefix}-drop"
  create_source_bucket = true
  manage_notification  = true
  actions              = [{ kind = "sqs-send", resources = [aws_sqs_queue.actions.arn] }]
  completion_events    = true
  zip_path             = var.zip_path
  runtime              = var.runtime
  architecture         = var.architecture
  batching_window_s    = 1
}

output "aggregator" {
  description = "All outputs of the module."
  value       = module.aggregator
}

output "told_url" {
  description = "The queue that hears of windows."
  value       = aws_sqs_queue.actions.url
}
