"""Downloads public data sets and checks them; for examples/get_data.py."""
