"""Faults and hostile inputs, provoked on the real command line: `python -m scripts.provoke`.

It needs a checkout with tests/, whose ways of provoking it shares.
"""
