"""Pipeline-parallel training with dpc.

`dpc.schedule` makes, checks, simulates, compares and draws schedules, without a model.
"""
