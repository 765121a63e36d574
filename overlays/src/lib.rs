//! Flink's configuration and how it becomes a TaskManager.
