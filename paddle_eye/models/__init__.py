"""Networks: plain keyword arguments in, one tensor out."""
