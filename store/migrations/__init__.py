"""The history of the tables; a new one is made by changing `store/tables.py` and adding a file to `versions`."""
