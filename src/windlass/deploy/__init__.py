"""Into real accounts: Lambda zips, IAM policies, stacks."""
