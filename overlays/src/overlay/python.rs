//! The Python of Python functions: a folder with an environment, whose `bin` comes first in the
//! workers' `PATH`. Flink runs `python` from there unless the job names another.

use std::path::Path;

use flink::options::mesos::PYTHON_ENVIRONMENT;

use super::{AGENTS_PATH, Draft, Master, OverlayError, tree};

const TARGET: &str = "python";
const PROGRAM: &str = "bin/python";

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    let Some(folder) = master.config.get(&PYTHON_ENVIRONMENT).map(Path::new) else { return Ok(()) };
    let missing = |cause| OverlayError::Configured { key: PYTHON_ENVIRONMENT.to_string(), cause };
    fs_err::metadata(folder.join(PROGRAM)).map_err(missing)?;
    tree::ship_folder(folder, TARGET, false, draft)?;
    let configured = draft.environment.iter().find(|(name, _)| name == "PATH");
    let rest = configured.map_or(AGENTS_PATH, |(_, value)| value);
    let path = format!("{}/bin:{rest}", Draft::place(TARGET));
    draft.export("PATH", &path);
    Ok(())
}
