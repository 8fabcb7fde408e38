"""Reading, writing and preparing images."""
