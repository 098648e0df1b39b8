"""A checkpoint of the user's own: what it holds, and whether that fits a schedule."""
