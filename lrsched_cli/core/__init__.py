"""What a schedule is: reads YAML, knows the law, builds torch objects. Prints and draws nothing."""
