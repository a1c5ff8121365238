"""The whole river on a tiny model, with simulated people, through the doors that everybody has; then the site, with work waiting.

    python -m demo [--port 8000] [--home var/demo] [--no-serve] [--again]

The data is made by the project itself and labelled synthetic. With `--no-serve` it ends after the loop; the last line
printed is one JSON object with the figures of the run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from demo.river import River
from demo.site import ROOT, Site

MARK, FIGURES, LOGINS = "demo-site", "figures.json", "logins.json"


def main() -> int:
    """Walks the river unless this folder has been walked already, then serves the site until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8000, help="where the site is served")
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "demo", help="the demo's own folder, made anew unless finished")
    parser.add_argument("--no-serve", action="store_true", help="end after the loop and print its figures")
    parser.add_argument("--again", action="store_true", help="make everything anew, even if this folder holds a finished demo")
    args = parser.parse_args()
    site = Site(args.home, args.port)
    if args.again or not (site.home / FIGURES).exists():
        _clear(site.home)
        with site.served():
            figures, logins = River(site).walk()
        _keep(site.home, figures, logins)
    if args.no_serve:
        print((site.home / FIGURES).read_text())
        return 0
    return _serve(site)


def _clear(home: Path) -> None:
    """Empties the demo's folder. A folder with anything else in it is never touched."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise SystemExit(f"{home} holds something that is not a demo: name another folder with --home.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARK).write_text("Made by `make demo`, which may delete this folder.\n")


def _keep(home: Path, figures: dict, logins: dict) -> None:
    (home / LOGINS).touch(mode=0o600)
    (home / LOGINS).write_text(json.dumps(logins))
    (home / FIGURES).write_text(json.dumps(figures))


def _serve(site: Site) -> int:
    logins = json.loads((site.home / LOGINS).read_text())
    with site.served() as server:
        print(f"\n{(site.home / FIGURES).read_text()}\n")
        print(f"Crisol is at {site.url}/ (made anew with: make demo ARGS=--again)")
        for role, login in logins.items():
            print(f"  {role:6} {login['name']} / {login['password']}")
        print("Ctrl+C stops it.", flush=True)
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
