"""A study's figures and tables: functions that take matplotlib axes and return them."""
