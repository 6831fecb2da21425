"""What serve.py is made of: the load, the server processes, the tables."""
