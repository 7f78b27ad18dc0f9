variable "region" {
  description = "Region to work in."
  type        = string
  default     = "us-east-1"
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { managed-by = "terraform", app = "windlass" }
  }
}
