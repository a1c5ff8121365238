"""What the recipe `clean` looks for, one file a family of rules. No Django; datatrove is loaded by `quality.py` alone."""
