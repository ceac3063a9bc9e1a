"""The only writers. Every act on a plugin, a run or the audit is one keyword-only function here.

Rows are locked in one order, so that no two transactions wait for each other: the plugin, then its
runs, then the registry's clock, then the audit's head. Rows are locked without their keys
(`no_key`): a row that refers to a plugin, checked at its own commit, need not wait for the lock.
"""
