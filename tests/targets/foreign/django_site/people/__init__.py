"""The people of a Django project."""
