"""The durable processes. Thin: gather messages, ask the domain what to do, carry it out."""
