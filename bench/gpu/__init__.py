"""Measurements that need a CUDA card."""
