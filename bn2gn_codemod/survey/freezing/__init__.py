"""What code of the repository does to keep layers as they are."""
