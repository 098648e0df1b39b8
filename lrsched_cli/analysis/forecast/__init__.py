"""A changed plan on resume: what will really happen, beside the old plan and the new one."""
