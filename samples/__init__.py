"""Sample material that Bulkhead makes itself, so that nothing has to be downloaded."""
