"""Resource types that are derived from the models of AWS's services, with no code per type."""
