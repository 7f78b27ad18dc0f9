variable "name" {
  description = "The role's name; the region is added, as roles are the account's."
  type        = string
  default     = "windlass-worker"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "trust" {
  description = "Trust of the role: irsa (the cluster's OIDC provider), pod-identity (the EKS Pod Identity agent), or both during a migration."
  type        = string
  default     = "irsa"

  validation {
    condition     = contains(["irsa", "pod-identity", "both"], var.trust)
    error_message = "trust is irsa, pod-identity or both."
  }
}

variable "namespace" {
  description = "Kubernetes namespace of the service account."
  type        = string
  default     = "windlass"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace is not a Kubernetes name (wildcards are not allowed)."
  }
}

variable "service_account" {
  description = "Name of the service account."
  type        = string
  default     = "windlass"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.service_account))
    error_message = "service_account is not a Kubernetes name (wildcards are not allowed)."
  }
}

variable "keda_service_account" {
  description = "NAMESPACE/NAME of KEDA's operator, which with irsa reads the queue's depth with this role; empty forbids it."
  type        = string
  default     = "keda/keda-operator"

  validation {
    condition     = can(regex("^$|^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.keda_service_account))
    error_message = "keda_service_account is NAMESPACE/NAME, or empty."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's IAM OIDC provider; needed for irsa."
  type        = string
  default     = null

  validation {
    condition     = var.trust == "pod-identity" || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "irsa needs oidc_provider_arn, such as arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC."
  }
}

variable "cluster_name" {
  description = "The EKS cluster; needed for pod-identity."
  type        = string
  default     = null

  validation {
    condition     = var.trust == "irsa" || var.cluster_name != null
    error_message = "pod-identity needs cluster_name."
  }
}

variable "associate" {
  description = "Create the Pod Identity association; false when the cluster's owner creates it."
  type        = bool
  default     = true
}

variable "queue_arns" {
  description = "Queues that the worker consumes."
  type        = list(string)
  default     = []
}

variable "send_queue_arns" {
  description = "Queues that the worker sends to: dead-letter queues, timers."
  type        = list(string)
  default     = []
}

variable "read_objects" {
  description = "Objects that the worker reads, as ARNs with a pattern: arn:aws:s3:::bucket/prefix/*."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.read_objects : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+/.+$", one))])
    error_message = "read_objects are ARNs of objects: arn:aws:s3:::bucket/*."
  }
}

variable "write_objects" {
  description = "Objects that the worker writes, as ARNs with a pattern."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.write_objects : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+/.+$", one))])
    error_message = "write_objects are ARNs of objects: arn:aws:s3:::bucket/*."
  }
}

variable "delete_objects" {
  description = "Objects that the worker deletes, as ARNs with a pattern: large payloads of messages (delete_payload)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.delete_objects : can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+/.+$", one))])
    error_message = "delete_objects are ARNs of objects: arn:aws:s3:::bucket/*."
  }
}

variable "table_arns" {
  description = "DynamoDB tables of aggregation rules and of idempotency keys."
  type        = list(string)
  default     = []
}

variable "assume_role_arns" {
  description = "Roles that the worker may assume: module inventory-reader in member accounts."
  type        = list(string)
  default     = []
}

variable "kms_key_arns" {
  description = "KMS keys of those queues and objects."
  type        = list(string)
  default     = []
}

variable "policy_json" {
  description = "What else the worker may do, as a policy document (`windlass policy CAPABILITY` prints one); null for nothing."
  type        = string
  default     = null

  validation {
    condition = var.policy_json != null || length(concat(
      var.queue_arns, var.send_queue_arns, var.read_objects, var.write_objects, var.delete_objects, var.table_arns, var.assume_role_arns,
    )) > 0
    error_message = "The role has no permission: name queues, objects, tables or roles, or set policy_json."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
