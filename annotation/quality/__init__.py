"""How far judgements can be trusted: one file a measure, numpy only; `rows.py` and `summary.py` alone know the database."""
