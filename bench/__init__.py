"""Measurements that compare. Each runs as `python -m bench.NAME`, shows progress, and prints one JSON object as its last line."""
