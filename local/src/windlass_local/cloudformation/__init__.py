"""CloudFormation's resource types, created by the calls that CloudFormation makes: moto's own drop half of their properties."""
