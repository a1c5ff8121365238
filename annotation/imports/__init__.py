"""Import shapes: each file says how one row of a file is read and what many of them become.

A shape has `TITLE`, `HELP`, `EXAMPLE` (a row), `parse(values) -> row` (ValueError: what is wrong with the row) and
`save(project, rows) -> int` (how many are new; the rest were there already). `annotation/importing.py` does what is common.
"""
