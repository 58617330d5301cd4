"""What a file of weights is: by its name, where it comes from, and what reads it."""
