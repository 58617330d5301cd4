"""What a file has, and what of that gets into a model: keys, members, parts."""
