"""Import shapes: each file says how one row of a file is read.

A shape has `TITLE`, `HELP`, `EXAMPLE` (a row), `FIELDS` (what its columns may be, `annotation/columns.py`), `SIGNS` (sets of
columns by which a file is recognised) and `items(values)`: the prompts (`prompts.PromptRow`) and judgements
(`annotation/judged.py`) that a row holds, or a ValueError that says what is wrong with it. `annotation/importing.py` does what is
common.
"""
