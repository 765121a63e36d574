//! The messages between executor and guard. Both are the same binary, so the protocol needs no
//! versions.

use std::{
    ffi::OsStr,
    io::{self, Read},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use flink::command::CommandLine;
use prost::Message;

use super::Outputs;
use crate::core::{Ended, ExitStatus, Survivors};

/// The process to start. It travels over the socket, so that no secret in it shows in the guard's
/// arguments.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Order {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) program: Vec<u8>,
    #[prost(string, repeated, tag = "2")]
    pub(super) arguments: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(super) environment: Vec<Variable>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) directory: Vec<u8>,
    /// The file for its standard output.
    #[prost(bytes = "vec", tag = "5")]
    pub(super) stdout: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) stderr: Vec<u8>,
    /// When the output files are rotated.
    #[prost(uint64, tag = "7")]
    pub(super) output_size: u64,
    #[prost(uint32, tag = "8")]
    pub(super) older_outputs: u32,
    /// Run it with the lowest priority.
    #[prost(bool, tag = "9")]
    pub(super) background: bool,
}

/// One environment variable.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Variable {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// Longer orders are rejected, in bytes.
const LONGEST_ORDER: u32 = 16 << 20;

impl Order {
    pub(super) fn new(command: &CommandLine, outputs: &Outputs) -> Self {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let variable = |(name, value): &(String, String)| Variable {
            name: name.clone(),
            value: value.clone(),
        };
        Self {
            program: bytes(&command.program),
            arguments: command.arguments.clone(),
            environment: command.environment.iter().map(variable).collect(),
            directory: bytes(&command.directory),
            stdout: bytes(&outputs.stdout),
            stderr: bytes(&outputs.stderr),
            output_size: outputs.limits.size,
            older_outputs: outputs.limits.older,
            background: false,
        }
    }

    /// The order as it goes over the socket: four bytes of length, then the message.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let message = self.encode_to_vec();
        let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
        bytes.extend(message);
        bytes
    }

    /// Reads an order; `None` if the executor closed the socket without one.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        if from.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut length[1..])?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST_ORDER {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("an order of {length} bytes is too long"),
            ));
        }
        let mut message = vec![0; length as usize];
        from.read_exact(&mut message)?;
        let order = Self::decode(message.as_slice());
        order.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

pub(super) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The executor's commands. The end of the stream means [`Command::Destroy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Send SIGTERM to the TaskManager and all its descendants, and wait for them to end.
    Terminate,
    /// Send SIGKILL to everything.
    Destroy,
}

impl Command {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Terminate => b'T',
            Self::Destroy => b'K',
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Terminate, Self::Destroy].into_iter().find(|command| command.byte() == byte)
    }
}

/// What the guard reports to the executor, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    Started(u32),
    /// Nothing was started.
    Failed(String),
    /// The TaskManager ended with this status, and all its descendants are gone.
    Exited(Ended),
}

impl Notice {
    pub(super) fn line(&self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Failed(why) => format!("failed {}\n", why.replace('\n', " ")),
            Self::Exited(Ended { status, survivors }) => {
                let (word, number) = match status {
                    ExitStatus::Code(code) => ("code", *code),
                    ExitStatus::Signal(signal) => ("signal", *signal),
                    ExitStatus::Unknown => ("unknown", 0),
                };
                format!(
                    "{word} {number} {} {}\n",
                    u8::from(survivors.task_manager),
                    survivors.others
                )
            }
        }
    }

    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.trim_end_matches('\n').split_once(' ')?;
        Some(match word {
            "started" => Self::Started(rest.parse().ok()?),
            "failed" => Self::Failed(rest.to_owned()),
            _ => Self::Exited(ended(word, rest)?),
        })
    }
}

fn ended(word: &str, rest: &str) -> Option<Ended> {
    let mut fields = rest.split(' ');
    let number = fields.next()?.parse().ok()?;
    let status = match word {
        "code" => ExitStatus::Code(number),
        "signal" => ExitStatus::Signal(number),
        "unknown" => ExitStatus::Unknown,
        _ => return None,
    };
    let task_manager = fields.next()? == "1";
    Some(Ended {
        status,
        survivors: Survivors { task_manager, others: fields.next()?.parse().ok()? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        let command = CommandLine {
            program: "/usr/bin/java".into(),
            arguments: vec!["-Xmx1g".into()],
            environment: vec![("A".into(), "b=c".into())],
            directory: "/sandbox".into(),
        };
        let limits = crate::rotation::OutputLimits { size: 7, older: 3 };
        let order =
            Order::new(&command, &Outputs { stdout: "/out".into(), stderr: "/err".into(), limits });
        assert!(Order::read(&mut order.to_bytes().as_slice()).unwrap() == Some(order.clone()));
        assert!(Order::read(&mut [].as_slice()).unwrap().is_none());
        assert!(Order::read(&mut [255, 0, 0, 0].as_slice()).is_err());
        assert!(Order::read(&mut &order.to_bytes()[..9]).is_err());
    }

    #[test]
    fn every_notice_can_be_written_and_parsed() {
        let exits =
            [ExitStatus::Code(-3), ExitStatus::Signal(9), ExitStatus::Unknown].map(|status| {
                Notice::Exited(Ended {
                    status,
                    survivors: Survivors { task_manager: true, others: 12 },
                })
            });
        for notice in
            exits.into_iter().chain([Notice::Started(7), Notice::Failed("no such file".into())])
        {
            assert_eq!(Notice::parse(&notice.line()), Some(notice));
        }
        assert_eq!(Notice::parse("nonsense"), None);
    }
}
