"""Models that are loaded to be used, and not to be trained."""
