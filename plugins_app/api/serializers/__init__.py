"""What goes out and what comes in, as shapes: the OpenAPI schema is made from them."""
