"""What the end-to-end, fault and client tests have in common: the server, the model, the client."""
