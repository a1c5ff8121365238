"""The raters' desk under load: the real server, a real database, raters who read each page and send its form.

    python -m bench.desk [--db sqlite|postgresql] [--raters 64] [--tasks 100000] [--seconds 30] [--vs-label-studio]

First one rater on a server that counts SQL statements; then judgements that fall due at random moments, 60 a second, with latency
from the moment that each was due; then as many as there can be; then one rater alone with a past of up to 100,000 judgements.
At the end the database is counted against what the raters were told. CPU time is that of gunicorn and of the database's
processes; the raters run beside them on the same cores, which makes latency and throughput worse, not better.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.databases import KINDS, database
from bench.label_studio import labelled


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", choices=KINDS, default="sqlite")
    parser.add_argument("--raters", type=int, default=64)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=30, help="of each of the two loops")
    parser.add_argument("--rate", type=float, default=60, help="judgements a second in the open loop")
    parser.add_argument("--answers", type=int, default=4, help="to rank in each task")
    parser.add_argument("--overlap", type=int, default=2, help="judgements wanted of each task")
    parser.add_argument(
        "--pasts", type=int, nargs="*", default=[0, 1000, 10_000, 100_000], help="judgements of a rater before the measurement"
    )
    parser.add_argument("--each", type=int, default=40, help="judgements in each of the five rounds after each past")
    parser.add_argument("--plain", action="store_true", help="raters without JavaScript: a redirect after each submit")
    parser.add_argument("--vs-label-studio", action="store_true", help="the same work for Label Studio, beside it")
    parser.add_argument("--label-studio-venv", type=Path, help="where it is, or is to be, installed")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    with database(args.db):
        from bench.desk_work import measure  # imports models, which need the database's settings

        figures = {"db": args.db, "raters": args.raters, "tasks": args.tasks, **measure(args)}
    if args.vs_label_studio:
        figures["label_studio"] = labelled(args.label_studio_venv, args.seconds, args.answers)
        figures["label_studio_ratio"] = round(figures["label_studio"]["cpu_ms_per_judgement"] / figures["cpu_ms_per_judgement"], 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
