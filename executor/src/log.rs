//! The executor's own log. It goes to standard error, which is the file `stderr` in the sandbox,
//! and to a file in a folder of the host, which outlives the sandbox.

mod at_host;

use std::{io, sync::Mutex};

pub(crate) use at_host::{FOLDER, latest};
use flink::config::MemorySize;
use tracing::{info, level_filters::LevelFilter, warn};
use tracing_subscriber::{
    filter::Targets,
    fmt::{writer::BoxMakeWriter, writer::MakeWriterExt as _},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Variable for the log level: `warn`, or `info,executor=debug`.
const LEVEL_VARIABLE: &str = "FLINK_MESOS_EXECUTOR_LOG";

/// Variable for the format; with `json`, each line of the log is a JSON object.
const FORMAT_VARIABLE: &str = "FLINK_MESOS_EXECUTOR_LOG_FORMAT";

/// Variable for the size at which the host's log is rotated.
const SIZE_VARIABLE: &str = "FLINK_MESOS_EXECUTOR_LOG_SIZE";

/// Variable for the host's log folder; an empty value disables that log.
pub(crate) const FOLDER_VARIABLE: &str = "FLINK_MESOS_LOG_DIR";

/// Description of the variables, for `--help`.
pub const HELP: &str = "Environment:
  FLINK_MESOS_EXECUTOR_LOG         log level, e.g. debug [default: info]
  FLINK_MESOS_EXECUTOR_LOG_FORMAT  log format, text or json [default: text]
  FLINK_MESOS_EXECUTOR_LOG_SIZE    size at which the log outside the sandbox is rotated [default: 1 mb]
  FLINK_MESOS_LOG_DIR              folder of the log outside the sandbox, if it exists [default: /var/log/flink-mesos]";

/// Starts the log as these variables say. Without an agent there is no log in the host's folder,
/// nor if that folder does not exist or may not be used.
pub fn start(lookup: impl Fn(&str) -> Option<String>) {
    let level = lookup(LEVEL_VARIABLE);
    let known = level.as_deref().map(str::parse::<Targets>);
    let filter = match &known {
        Some(Ok(targets)) => targets.clone(),
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let format = lookup(FORMAT_VARIABLE);
    let size = lookup(SIZE_VARIABLE).map(|size| size.parse::<MemorySize>());
    let limits = at_host::limits(size.as_ref().and_then(|size| Some(size.as_ref().ok()?.0)));
    let place = lookup("MESOS_EXECUTOR_ID")
        .map(|executor| at_host::begin(lookup(FOLDER_VARIABLE), &executor, limits));
    let (writer, place) = match place {
        Some(Ok(Some((path, file)))) => {
            (BoxMakeWriter::new(io::stderr.and(Mutex::new(file))), Some(Ok(path)))
        }
        Some(Err(error)) => (BoxMakeWriter::new(io::stderr), Some(Err(error))),
        Some(Ok(None)) | None => (BoxMakeWriter::new(io::stderr), None),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let log = tracing_subscriber::registry().with(filter);
    if format.as_deref() == Some("json") {
        log.with(lines.json()).init();
    } else {
        log.with(lines).init();
    }
    match place {
        Some(Ok(path)) => info!("This log is also written to {}", path.display()),
        Some(Err(error)) => info!("This log is written to the sandbox only: {error}"),
        None => {}
    }
    if let Some(Err(error)) = known {
        warn!(
            "{LEVEL_VARIABLE} is not a log level: {error}; allowed are levels such as debug, and filters such as info,executor=debug"
        );
    }
    if let Some(Err(error)) = size {
        warn!("{SIZE_VARIABLE}: {error}");
    }
    if let Some(other) = format.filter(|format| !matches!(format.as_str(), "" | "text" | "json")) {
        warn!("{FORMAT_VARIABLE} is '{other}', allowed are text and json");
    }
}
