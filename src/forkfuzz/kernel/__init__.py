"""What happens: the protocol's steps, one file for each kernel source file."""
