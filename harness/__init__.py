"""The conductor: studies, inputs, runner, executors, command line."""
