"""Datapaths without a stall: functions that add pipelines to a flow."""
