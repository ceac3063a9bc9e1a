"""What a plugin declares to need, held against what this machine has."""
