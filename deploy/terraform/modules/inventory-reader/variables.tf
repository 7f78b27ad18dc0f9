variable "name" {
  description = "The role's name, the same in every account: `estate.organization_role` in windlass.toml."
  type        = string
  default     = "windlass-inventory-reader"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{1,62}[A-Za-z0-9]$", var.name))
    error_message = "A name has 3 to 64 letters, digits and hyphens, and begins with a letter."
  }
}

variable "trusted_principal_arns" {
  description = "Roles (or users) that may assume the role: the worker's role of module worker-irsa, the role of your CI."
  type        = list(string)

  validation {
    condition     = length(var.trusted_principal_arns) > 0 && alltrue([for one in var.trusted_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", one))])
    error_message = "trusted_principal_arns are ARNs of roles or users; accounts and * are not allowed."
  }
}

variable "external_id" {
  description = "External id required to assume the role; null for none (within one organization it adds nothing)."
  type        = string
  default     = null
}

variable "organization_id" {
  description = "Organization that the caller must belong to, such as o-a1b2c3d4e5; null for no condition."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id must have the form o-a1b2c3d4e5."
  }
}

variable "create_role" {
  description = "Create the role in this account; false for the StackSet only."
  type        = bool
  default     = true
}

variable "organizational_unit_ids" {
  description = "OUs (or the root) whose present and future accounts get the role through a StackSet. Run from the management account or a delegated administrator."
  type        = list(string)
  default     = []
}

variable "delegated_admin" {
  description = "Create the StackSet from a delegated administrator's account."
  type        = bool
  default     = false
}

variable "max_session_s" {
  description = "Seconds that a session lasts at most."
  type        = number
  default     = 3600

  validation {
    condition     = var.max_session_s >= 3600 && var.max_session_s <= 43200
    error_message = "max_session_s is 3600 to 43200."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
