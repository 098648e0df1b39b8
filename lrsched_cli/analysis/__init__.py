"""What can be learned from a schedule. Returns frozen values; prints and draws nothing."""
