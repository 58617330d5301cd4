"""What pieces of syntax say by themselves."""
