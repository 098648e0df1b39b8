"""Files that anybody may have made: how much of them is read, and what they hold."""
