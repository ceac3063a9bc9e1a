"""The command line: each command checks what it was given, calls one service and prints."""
