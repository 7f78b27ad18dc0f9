"""Deployment into AWS accounts: Lambda zips, IAM policies, stacks."""
