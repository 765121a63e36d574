//! Files that hold a job: serialized job graphs and SQL. Only Flink's own classes can read them, so
//! a short-lived JVM does, with the classes in `appmaster/java`.

mod graph;
mod sql;
mod tools;

pub use self::{
    graph::{GraphFile, JobGraph},
    sql::{MISTAKE, SqlFile},
    tools::{Tools, ToolsJar},
};
