"""Streams of packets: payloads, queues, forks, borders, and what becomes of a command."""
