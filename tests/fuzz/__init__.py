"""Whatever bytes a file holds, a reader ends with a value or with one sentence: `make fuzz`."""
