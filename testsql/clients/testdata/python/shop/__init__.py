"""An application of Django: models, and the migrations that make their tables."""
