"""What goes over the wire: names, arguments, messages and errors of our own."""
