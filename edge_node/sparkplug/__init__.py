"""Sparkplug B 3.0: a view of the verdicts for plants that speak it, beside the record, never instead of it.

Sparkplug data goes at QoS 0, so it cannot carry the promise: what the link or a slow host loses here is
lost here. Every verdict arrives on ``corrosion/v1/...``.
"""
