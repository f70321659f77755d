"""The score store: keys, SQLite, Parquet, the environment of a run."""
