"""Into a real account: zips for Lambda, what a function needs around it, and the least it must be allowed."""
