"""A schedule as Python source: the pieces that scripts are made of."""
