"""The JSON API for operators, under ``/api/v1``."""
