//! The custom Mesos executor.
