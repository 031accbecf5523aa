"""The exit statuses that the command line and the stages share."""

# As a shell says of a program that Ctrl-C ended.
EXIT_INTERRUPTED = 130
