# The role of pods that run a pipeline: its queue, its source, its target.

variable "oidc_provider_arn" {
  description = "The cluster's IAM OIDC provider."
  type        = string
}

variable "queue_arn" {
  description = "Queue to consume."
  type        = string
}

variable "source_bucket" {
  description = "Bucket to read."
  type        = string
}

variable "target_bucket" {
  description = "Bucket to write."
  type        = string
}

module "worker" {
  source = "../../modules/worker-irsa"

  oidc_provider_arn = var.oidc_provider_arn
  namespace         = "windlass"
  service_account   = "worker"
  queue_arns        = [var.queue_arn]
  read_objects      = ["arn:aws:s3:::${var.source_bucket}/in/*"]
  write_objects     = ["arn:aws:s3:::${var.target_bucket}/*"]
}

# The same for a cluster with the EKS Pod Identity agent.
module "worker_pod_identity" {
  source = "../../modules/worker-irsa"

  name            = "windlass-worker-pod-identity"
  trust           = "pod-identity"
  cluster_name    = "main"
  associate       = false # the cluster's owner makes the association
  namespace       = "windlass"
  service_account = "worker"
  queue_arns      = [var.queue_arn]
}

output "worker" {
  description = "All outputs of the module."
  value       = module.worker
}

output "worker_pod_identity" {
  description = "The same for the second role."
  value       = module.worker_pod_identity
}
