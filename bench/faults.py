"""The fault zoo: known faults planted into real data, one a run; does preflight name each, with the right rows, and nothing else?

    python -m bench.faults ../shared/data

Real data with the GPT-2 tokenizer and a tiny model. Clean sets are real sets without the faults that they came with:
`bench/faults_clean.py` finds those without preflight's code, and counts them. Each fault of `bench/faults_planted.py` goes into a
copy of a clean set. It is found if preflight names exactly its rows under its check. A finding on a clean set, or one beside a
planted fault that does not follow from it, is a false alarm.

The last line is JSON: `planted`, `found`, `false_alarms`, and by name what was missed and what came besides.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import faults_clean, faults_planted
from bench.faults_world import Case, findings


def clean_sets(home: Path, sets: dict[str, Case]) -> dict[str, Any]:
    """What preflight says of each clean set, which should be nothing."""
    found = {}
    for name, case in sets.items():
        told = findings(case, home / "clean" / name)
        found[name] = {"rows": len(case.rows or case.documents), "removed": case.removed, "findings": told}
        print(f"{name:24} {found[name]['rows']:5} rows, removed {case.removed}: {sorted(told) or 'nothing found'}", file=sys.stderr)
    return found


def zoo(home: Path, sets: dict[str, Case]) -> dict[str, Any]:
    """What preflight says of each planted fault: whether it was found, and what was said besides."""
    told = {}
    for fault in faults_planted.ZOO:
        case = sets[fault.into].copy()
        ids = fault.plant(case)
        seen = findings(case, home / "planted" / fault.name)
        besides = sorted(set(seen) - {fault.check, *fault.follows})
        told[fault.name] = {"check": fault.check, "found": seen.get(fault.check) == sorted(ids), "besides": besides}
        missed = "" if told[fault.name]["found"] else f" MISSED: wanted {sorted(ids)[:9]}, was told {seen}"
        print(f"{fault.name:32} {fault.check:18} {besides or ''}{missed}", file=sys.stderr)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="folder of the published files")
    args = parser.parse_args()
    if missing := [name for name in faults_clean.FILES if not (args.data / name).exists()]:
        raise SystemExit(
            f"{args.data} lacks {', '.join(missing)}: these files are not part of Crisol, and without them there is no bench"
        )
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        sets = faults_clean.sets(args.data, home)
        clean, planted = clean_sets(home, sets), zoo(home, sets)
    alarms = sum(len(one["findings"]) for one in clean.values()) + sum(len(one["besides"]) for one in planted.values())
    print(
        json.dumps(
            {
                "planted": len(planted),
                "checks": len({one["check"] for one in planted.values()}),
                "found": sum(one["found"] for one in planted.values()),
                "false_alarms": alarms,
                "missed": sorted(name for name, one in planted.items() if not one["found"]),
                "besides": {name: one["besides"] for name, one in planted.items() if one["besides"]},
                "clean": clean,
            }
        )
    )


if __name__ == "__main__":
    main()
