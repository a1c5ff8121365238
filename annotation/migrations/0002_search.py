"""Full text search of what prompts and samples say and of what judgements remark, kept in step by the database itself.

SQLite: a contentless FTS5 table for each of the three, with triggers. PostgreSQL: a generated column `words` that no model names, with
a GIN index, and no extension; it is stored because to read and fold a text takes 0.2 ms, which a planner does not know. Both hold words folded alike: lower case, no accents, cut at whatever is neither letter nor number. Of each row
the first 200,000 characters are indexed, because PostgreSQL refuses a row whose words take more than a megabyte.

On SQLite, Django changes a column by making its table anew, and the triggers go with the old one: a later migration that alters
`annotation_prompt`, `annotation_sample` or `annotation_judgement` must end with the operation of this one, which makes all anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import migrations

LONGEST = 200_000

# What the chat messages of a row say: text, or pieces of which some are text.
SQLITE_MESSAGES = """(SELECT group_concat(said, char(10)) FROM (
    SELECT CASE json_type(turn.value, '$.content')
        WHEN 'text' THEN json_extract(turn.value, '$.content')
        WHEN 'array' THEN (
            SELECT group_concat(
                CASE piece.type WHEN 'text' THEN piece.value WHEN 'object' THEN json_extract(piece.value, '$.text') END, char(10))
            FROM json_each(turn.value, '$.content') AS piece)
        END AS said
    FROM json_each({row}.messages) AS turn WHERE turn.type = 'object'))"""
SEARCHED = {
    "annotation_prompt": ("messages", SQLITE_MESSAGES),
    "annotation_sample": ("messages", SQLITE_MESSAGES),
    "annotation_judgement": ("comment", "{row}.comment"),
}
SQLITE_UP = (
    "CREATE VIRTUAL TABLE {table}_words USING fts5(said, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')",
    "INSERT INTO {table}_words(rowid, said) SELECT old.id, {old} FROM {table} AS old",
    """CREATE TRIGGER {table}_words_insert AFTER INSERT ON {table} BEGIN
        INSERT INTO {table}_words(rowid, said) VALUES (new.id, {new});
    END""",
    """CREATE TRIGGER {table}_words_delete AFTER DELETE ON {table} BEGIN
        INSERT INTO {table}_words({table}_words, rowid, said) VALUES ('delete', old.id, {old});
    END""",
    """CREATE TRIGGER {table}_words_update AFTER UPDATE OF id, {column} ON {table} BEGIN
        INSERT INTO {table}_words({table}_words, rowid, said) VALUES ('delete', old.id, {old});
        INSERT INTO {table}_words(rowid, said) VALUES (new.id, {new});
    END""",
)
SQLITE_DOWN = (
    "DROP TRIGGER IF EXISTS {table}_words_insert",
    "DROP TRIGGER IF EXISTS {table}_words_delete",
    "DROP TRIGGER IF EXISTS {table}_words_update",
    "DROP TABLE IF EXISTS {table}_words",
)

# Neither letter nor number: of ASCII, Latin-1, general punctuation, symbols, CJK punctuation and full width forms.
SEPARATORS = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff\u3000-\u3004\u3008-\u3020\u3030"
    r"\ufe10-\ufe6f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufffd]+"
)
# Neither function calls the other: where a dump is restored, a function called without its schema is not found.
POSTGRES_UP = (
    """CREATE FUNCTION annotation_said(messages jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $said$
        SELECT string_agg(piece #>> '{{}}', E'\\n') FROM jsonb_array_elements(
            jsonb_path_query_array(messages, 'lax $[*].content ? (@.type() == "string")')
            || jsonb_path_query_array(messages, 'lax $[*].content[*].text ? (@.type() == "string")')) AS piece
    $said$""",
    """CREATE FUNCTION annotation_folded(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $folded$
        SELECT regexp_replace(regexp_replace(normalize(lower(left(said, {longest}){collation}), NFD), '[\\u0300-\\u036f]+', '', 'g'),
            '{separators}', ' ', 'g')
    $folded$""",
    "ALTER TABLE annotation_prompt ADD COLUMN words tsvector GENERATED ALWAYS AS"
    " (to_tsvector('simple', annotation_folded(annotation_said(messages)))) STORED",
    "ALTER TABLE annotation_sample ADD COLUMN words tsvector GENERATED ALWAYS AS"
    " (to_tsvector('simple', annotation_folded(annotation_said(messages)))) STORED",
    "ALTER TABLE annotation_judgement ADD COLUMN words tsvector GENERATED ALWAYS AS"
    " (to_tsvector('simple', annotation_folded(comment))) STORED",
    "CREATE INDEX annotation_prompt_words ON annotation_prompt USING gin (words)",
    "CREATE INDEX annotation_sample_words ON annotation_sample USING gin (words)",
    "CREATE INDEX annotation_judgement_words ON annotation_judgement USING gin (words)",
)
POSTGRES_DOWN = (
    "ALTER TABLE annotation_prompt DROP COLUMN IF EXISTS words",
    "ALTER TABLE annotation_sample DROP COLUMN IF EXISTS words",
    "ALTER TABLE annotation_judgement DROP COLUMN IF EXISTS words",
    "DROP FUNCTION IF EXISTS annotation_folded(text)",
    "DROP FUNCTION IF EXISTS annotation_said(jsonb)",
)


def up(apps, schema_editor) -> None:
    """Makes the indexes of what there is; those of an earlier time go first."""
    down(apps, schema_editor)
    run(schema_editor, sqlite=SQLITE_UP, postgres=POSTGRES_UP)


def down(apps, schema_editor) -> None:
    run(schema_editor, sqlite=SQLITE_DOWN, postgres=POSTGRES_DOWN)


def run(schema_editor, *, sqlite: tuple[str, ...], postgres: tuple[str, ...]) -> None:
    vendor = schema_editor.connection.vendor
    statements = for_sqlite(sqlite) if vendor == "sqlite" else for_postgres(postgres, schema_editor.connection)
    for statement in statements:
        schema_editor.execute(statement, params=None)


def for_sqlite(statements: tuple[str, ...]) -> Iterator[str]:
    for table, (column, said) in SEARCHED.items():
        texts = {row: f"substr({said.format(row=row)}, 1, {LONGEST})" for row in ("new", "old")}
        yield from (statement.format(table=table, column=column, **texts) for statement in statements)


def for_postgres(statements: tuple[str, ...], connection) -> Iterator[str]:
    """In a database of the locale C, `lower` knows only ASCII: Unicode's rules come from ICU where the server has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")
        collation = ' COLLATE "und-x-icu"' if cursor.fetchone() else ""
    yield from (statement.format(longest=LONGEST, collation=collation, separators=SEPARATORS) for statement in statements)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial")]

    operations = [migrations.RunPython(up, down)]
