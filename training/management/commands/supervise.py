"""Starts queued runs, follows live ones, freezes snapshots; prints each move. SIGTERM ends it cleanly; trainers live on."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from training import supervisor

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two passes (default: 1)")
        parser.add_argument("--once", action="store_true", help="one pass, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            supervisor.tick()
            return
        leave = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: leave.set())
        self.stdout.write("Supervising. Ctrl-C ends this; trainers live on.")
        while not leave.is_set():
            self._pass()
            leave.wait(options["interval"])
        self.stdout.write("Left; trainers live on.")

    def _pass(self) -> None:
        """A database that is away for a while is no reason to end: the next pass finds everything as it is."""
        try:
            close_old_connections()
            supervisor.tick()
        except Exception:
            logger.exception("this pass failed, the next one tries again")
