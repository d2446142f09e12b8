"""The golden models of rows and units against second formulas."""
