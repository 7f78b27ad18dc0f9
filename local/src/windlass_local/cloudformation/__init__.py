"""CloudFormation's resources, made by the calls that CloudFormation makes: moto's own drop half of their properties."""
