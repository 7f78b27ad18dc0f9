# YAML objects of one bucket become JSON objects in another. Both buckets are created here, so that others have no entries in
# their notification configuration, and the module may own it.

variable "prefix" {
  description = "Prefix of the buckets' names, which must be globally unique."
  type        = string
}

variable "zip_path" {
  description = "What `windlass build lambda pipeline` made, with windlass.toml in it."
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

module "pipeline" {
  source = "../../modules/pipeline"

  name                 = "windlass-uniform"
  source_bucket        = "${var.prefix}-raw"
  create_source_bucket = true
  source_prefix        = "in/"
  source_suffixes      = [".yaml", ".yml"]
  target_bucket        = "${var.prefix}-uniform"
  create_target_bucket = true
  manage_notification  = true
  zip_path             = var.zip_path
  runtime              = var.runtime
  architecture         = var.architecture
  timeout_s            = 60
}

output "pipeline" {
  description = "All outputs of the module."
  value       = module.pipeline
}
