"""`manage.py up`: the whole platform on one machine, as child processes of one small parent."""
