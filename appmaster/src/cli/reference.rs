//! What is made from the command line's own description: completions for shells and manual pages.
//! The tests make the page `docs/cli.md`.

use std::{io, path::Path};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// The script that completes commands and options in this shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "flink-mesos", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Writes the manual pages into a folder, which is created if needed.
pub fn manual(folder: &Path) -> io::Result<()> {
    fs_err::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write to {}: {error}", folder.display()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::Write as _;

    use clap::Command;

    use super::*;

    /// The width of the page's help texts, in columns.
    const WIDTH: usize = 100;

    const BEGINNING: &str = "\
# Command line

Each command of `flink-mesos` with its help text, as `--help` prints it. [operations.md](operations.md) explains the output of `list`, `status`, `events` and `offers`.

`flink-mesos completions bash|zsh|fish` prints completions for a shell:

| shell | put the output into |
| --- | --- |
| bash | `/etc/bash_completion.d/flink-mesos`, or `~/.local/share/bash-completion/completions/flink-mesos` |
| zsh | `_flink-mesos` in a folder of `$fpath` |
| fish | `~/.config/fish/completions/flink-mesos.fish` |

`flink-mesos man FOLDER` writes one manual page for each command, as in `flink-mesos man /usr/local/share/man/man1`.
";

    /// The whole reference; `docs/cli.md` is this text.
    fn page() -> String {
        let mut page = BEGINNING.to_owned();
        let mut command = without_environment(Cli::command().term_width(WIDTH));
        command.build();
        add(&mut page, &command, "");
        page
    }

    /// Values of this process's environment are not part of the help.
    fn without_environment(command: Command) -> Command {
        command
            .mut_args(|argument| argument.hide_env_values(true))
            .mut_subcommands(without_environment)
    }

    fn add(page: &mut String, command: &Command, parent: &str) {
        let name = format!("{parent}{}", command.get_name());
        let help = command.clone().bin_name(&name).term_width(WIDTH).render_long_help().to_string();
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        // Writing to a string does not fail.
        _ = write!(page, "\n## {name}\n\n```\n{}\n```\n", lines.join("\n").trim_end());
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            add(page, inner, &format!("{name} "));
        }
    }

    #[test]
    fn the_page_of_the_command_line_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
        let page = page();
        if fs_err::read_to_string(path).is_ok_and(|written| written == page) {
            return;
        }
        let printed = std::env::temp_dir().join("flink-mesos-cli.md");
        fs_err::write(&printed, page).unwrap();
        panic!("docs/cli.md is out of step; copy {} over it", printed.display());
    }

    #[test]
    fn each_command_has_a_manual_page_and_completions_know_commands_and_options() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        manual(&pages).unwrap();
        for name in ["flink-mesos.1", "flink-mesos-status.1", "flink-mesos-workers-drain.1"] {
            let text = fs_err::read_to_string(pages.join(name)).unwrap();
            assert!(text.contains(".TH"), "{name}: {text}");
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions(shell);
            assert!(script.contains("clear-agent") && script.contains("token-file"), "{shell}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = manual(&file.path().join("man")).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
    }
}
