"""Spark: the stream and the recompute as pure functions from frame to frame, and the processes that run them."""
