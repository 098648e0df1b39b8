"""The JSON Schema of schedule files, made from the models and signatures that check them."""
