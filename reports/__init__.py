"""Tables, figures and documents, rendered from results."""
