"""The relational truth: SQLAlchemy Core over SQLite or PostgreSQL."""
