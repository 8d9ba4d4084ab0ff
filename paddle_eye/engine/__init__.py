"""Training and evaluation of any network on any batches."""
