//! The exception that a log ends with, and what caused it: once, without stack frames and without
//! those that only wrap another one.

mod subject;

pub use self::subject::Subject;

/// Longer lines are cut.
pub const LONGEST_LINE: usize = 300;

/// The most exceptions of one chain that are shown.
const MOST_LINKS: usize = 4;

/// Lines of the log that say that what follows ends the process.
const FATAL: [&str; 8] = [
    "Could not start cluster entrypoint",
    "Application failed unexpectedly",
    "Application FAILED",
    "Terminating TaskManagerRunner",
    "Fatal error occurred",
    "FATAL",
    "Exception in thread \"main\"",
    "Could not start the TaskManager",
];

/// An exception with its causes, the outermost first, each as `class: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<'a> {
    links: Vec<&'a str>,
    /// What ended the process, as the log says.
    is_fatal: bool,
}

/// All that are in this text, in their order.
pub fn all(text: &str) -> Vec<Chain<'_>> {
    let mut chains: Vec<Chain<'_>> = Vec::new();
    // Whether causes still belong to the last one; those of suppressed ones do not.
    let (mut open, mut suppressed) = (false, false);
    let mut before = "";
    for line in text.lines() {
        if let Some(cause) = line.strip_prefix("Caused by: ") {
            suppressed = false;
            if let Some(chain) = chains.last_mut().filter(|_| open) {
                chain.links.push(cause);
            } else {
                // Its beginning is out of sight.
                chains.push(Chain { links: vec![cause], is_fatal: false });
                open = true;
            }
        } else if is_frame(line) {
            suppressed |= line.trim_start().starts_with("Suppressed: ");
        } else if let Some(head) = exception(line).filter(|_| !suppressed) {
            let is_fatal = FATAL.iter().any(|sign| before.contains(sign) || line.contains(sign));
            chains.push(Chain { links: vec![head], is_fatal });
            open = true;
        } else if is_log_line(line) {
            (open, suppressed) = (false, false);
        }
        if !is_frame(line) {
            before = line;
        }
    }
    chains
}

/// The one that ended the process: the first that the log calls so, or else the last.
pub fn decisive(text: &str) -> Option<Chain<'_>> {
    let mut chains = all(text);
    let fatal = chains.iter().position(|chain| chain.is_fatal);
    match fatal {
        Some(at) => Some(chains.swap_remove(at)),
        None => chains.pop(),
    }
}

impl Chain<'_> {
    /// What is at the bottom of it.
    pub fn root(&self) -> &str {
        self.links.last().copied().unwrap_or_default()
    }

    /// Whether the log says that it ended the process.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal
    }

    /// All links, one a line.
    pub fn text(&self) -> String {
        self.links.join("\n")
    }

    /// The exception and its causes, once each, and no more lines than four.
    pub fn shown(&self) -> Vec<String> {
        let mut shown: Vec<&str> = Vec::new();
        for (at, link) in self.links.iter().enumerate() {
            let next = self.links.get(at + 1);
            // One that only hands on what the next one says.
            let wraps = next.is_some_and(|next| message(link).starts_with(next.trim()));
            if !wraps && !shown.contains(link) {
                shown.push(link);
            }
        }
        if shown.len() > MOST_LINKS {
            // What was tried, and what it came to.
            shown.drain(1..=shown.len() - MOST_LINKS);
        }
        let line = |(at, link): (usize, &&str)| {
            let cause = if at == 0 { "" } else { "caused by: " };
            cut(&format!("{cause}{}", link.trim()))
        };
        shown.iter().enumerate().map(line).collect()
    }
}

/// A line of bearable length.
pub fn cut(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

/// What follows the class.
fn message(link: &str) -> &str {
    link.split_once(": ").map_or("", |(_, message)| message)
}

/// `\tat …`, `\t... 5 more`, `\tSuppressed: …`
fn is_frame(line: &str) -> bool {
    let inner = line.trim_start();
    inner.len() < line.len()
        && (inner.starts_with("at ")
            || inner.starts_with("Suppressed: ")
            || inner.starts_with("Caused by: ")
            || (inner.starts_with("... ")
                && (inner.ends_with(" more") || inner.ends_with(" omitted"))))
}

/// `2026-11-28 23:14:31,831 ERROR …`, or an object in JSON.
fn is_log_line(line: &str) -> bool {
    line.starts_with('{')
        || (line.starts_with(|first: char| first.is_ascii_digit()) && line.contains(':'))
}

/// The exception that begins in this line: `java.io.IOException: message`, also behind `Exception
/// in thread "main" `.
fn exception(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("Exception in thread \"") {
        Some(rest) => rest.split_once("\" ")?.1,
        None => line,
    };
    let class = line.split([':', ' ']).next()?;
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '$'))
    };
    let is_class = class.contains('.') && class.split('.').all(is_name);
    let ends = ["Exception", "Error", "Throwable", "Failure"];
    (is_class && ends.iter().any(|end| class.ends_with(end))).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-11-28 23:15:02,100 WARN  o.a.f.Other [] - java.io.IOException: only a word\n\
        java.lang.IllegalStateException: an earlier one, handled\n\
        \tat a.B.c(D.java:1)\n\
        2026-11-28 23:15:03,653 ERROR o.a.f.r.t.TaskManagerRunner [] - Terminating TaskManagerRunner with exit code 1.\n\
        org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.\n\
        \tat org.apache.flink.X.y(Z.java:1) ~[flink-dist.jar:1.20.5]\n\
        \tSuppressed: java.io.IOException: another\n\
        \t\tat a.B.c(D.java:1)\n\
        Caused by: java.util.concurrent.CompletionException: java.io.IOException: Failed to instantiate network connection manager.\n\
        \tat a.B.c(D.java:1)\n\
        Caused by: java.io.IOException: Failed to instantiate network connection manager.\n\
        \t... 5 more\n\
        Caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777\n\
        \t... 5 more\n\
        2026-11-28 23:15:04,014 ERROR org.apache.pekko.remote.Remoting [] - Remoting system has been terminated abruptly\n\
        java.lang.RuntimeException: in the shutdown\n\
        \tat a.B.c(D.java:1)\n";

    #[test]
    fn the_exception_that_ended_the_process_is_told_with_its_causes_once() {
        let chain = decisive(LOG).unwrap();
        assert_eq!(
            chain.shown(),
            [
                "org.apache.flink.util.FlinkException: Failed to start the TaskManagerRunner.",
                "caused by: java.io.IOException: Failed to instantiate network connection manager.",
                "caused by: java.net.BindException: Could not start rest endpoint on any port in port range 28777",
            ]
        );
        assert_eq!(
            chain.root(),
            "java.net.BindException: Could not start rest endpoint on any port in port range 28777"
        );
    }

    #[test]
    fn without_a_fatal_one_it_is_the_last_one() {
        let text = "Exception in thread \"timer\" java.lang.IllegalStateException: one\n\tat a.B\nx.y.Two$Exception\n\tat c.D\n";
        assert_eq!(decisive(text).unwrap().shown(), ["x.y.Two$Exception"]);
        let text = "Exception in thread \"main\" java.lang.IllegalStateException: one\n\tat a.B\nx.y.TwoException\n\tat c.D\n";
        assert_eq!(decisive(text).unwrap().shown(), ["java.lang.IllegalStateException: one"]);
        assert_eq!(
            decisive("Caused by: a.B$CException: cut off above\n").unwrap().shown(),
            ["a.B$CException: cut off above"]
        );
        for none in [
            "",
            "2026-11-28 INFO fine\n",
            "Error: Could not find or load main class X\n",
            "a.b: c\n",
            "Exception\n",
        ] {
            assert_eq!(decisive(none), None, "{none}");
        }
    }

    #[test]
    fn of_a_long_chain_the_outermost_and_the_last_causes_are_told() {
        let inner = (2..10)
            .map(|at| format!("Caused by: a.Inner{at}Exception: {at}\n"))
            .collect::<Vec<_>>();
        let text = "a.Outer1Exception: 1\n".to_owned() + &inner.concat();
        let shown = decisive(&text).unwrap().shown();
        assert_eq!(shown.len(), MOST_LINKS);
        assert!(
            shown[0].contains("Outer1")
                && shown[1].contains("Inner7")
                && shown[3].contains("Inner9"),
            "{shown:?}"
        );
    }
}
