"""Values in, text, tables and figures out. Returns them; prints nothing."""
