"""Facts about the inside of machines: packages, ports, users, kernels, each section with its own history."""
