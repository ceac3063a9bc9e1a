"""Measurements, as ratios against a floor taken in the same run: absolute numbers do not travel."""
