# The inventory's role in this account. For an organization, from its management account, add
# organizational_unit_ids = ["r-ab12"] and organization_id.

variable "collector_role_arn" {
  description = "The role that the collector runs with."
  type        = string
}

module "inventory_reader" {
  source = "../../modules/inventory-reader"

  trusted_principal_arns = [var.collector_role_arn]
  external_id            = "windlass"
}

output "inventory_reader" {
  description = "All outputs of the module."
  value       = module.inventory_reader
}
