"""From a plan to stored scores: tasks, executors, progress."""
