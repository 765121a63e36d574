//! An option as its readers use it: its declaration, and the type of its value.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Declaration, Kind};
use crate::memory_size::MemorySize;

/// An option whose value is a `T`: an `Option` if readers must know that nothing is configured, any
/// other type if it has a default.
pub struct ConfigOption<T> {
    pub(super) declaration: Declaration,
    value: PhantomData<fn() -> T>,
}

impl<T> ConfigOption<T> {
    pub(super) const fn new(declaration: Declaration) -> Self {
        Self { declaration, value: PhantomData }
    }

    /// Its key.
    pub const fn key(&self) -> &'static str {
        self.declaration.key
    }

    /// What the keys begin with of an option of which the user names a part, such as
    /// `mesos.artifacts.<name>`.
    pub const fn prefix(&self) -> &'static str {
        let key = self.key().as_bytes();
        let mut end = 0;
        while end < key.len() && key[end] != b'<' {
            end += 1;
        }
        self.key().split_at(end).0
    }

    /// The key of an option of which the user names a part, with this name.
    pub fn named(&self, name: &str) -> String {
        let (prefix, rest) = self.key().split_at(self.prefix().len());
        let after = rest.split_once('>').map_or("", |(_, after)| after);
        format!("{prefix}{name}{after}")
    }

    /// What is known of it.
    pub const fn declaration(&self) -> &Declaration {
        &self.declaration
    }
}

impl<T> AsRef<str> for ConfigOption<T> {
    fn as_ref(&self) -> &str {
        self.key()
    }
}

impl<T> From<&ConfigOption<T>> for String {
    fn from(option: &ConfigOption<T>) -> Self {
        option.key().to_owned()
    }
}

impl<T> fmt::Display for ConfigOption<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// What an option's value can be.
pub trait OptionType {
    /// What its text looks like.
    const KIND: Kind;
    /// Whether there is no value where none is configured and there is no default.
    const NEEDS_DEFAULT: bool;
}

macro_rules! option_types {
    ($($value:ty: $kind:ident;)+) => {$(
        impl OptionType for $value {
            const KIND: Kind = Kind::$kind;
            const NEEDS_DEFAULT: bool = true;
        }
    )+};
}

option_types! {
    String: Text;
    i64: Integer;
    u16: Integer;
    u32: Integer;
    u64: Integer;
    usize: Integer;
    f64: Number;
    f32: Number;
    bool: Boolean;
    Duration: Duration;
    MemorySize: Memory;
    Vec<String>: List;
    Vec<(String, String)>: Map;
}

impl<T: OptionType> OptionType for Option<T> {
    const KIND: Kind = T::KIND;
    const NEEDS_DEFAULT: bool = false;
}

#[cfg(test)]
mod tests {
    use super::super::{flink, mesos};

    #[test]
    fn keys_of_which_the_user_names_a_part_begin_with_the_rest() {
        assert_eq!(mesos::ARTIFACT.prefix(), "mesos.artifacts.");
        assert_eq!(mesos::WORKERS.prefix(), "mesos.workers");
        assert_eq!(flink::EXTERNAL_RESOURCE_AMOUNT.named("gpu"), "external-resource.gpu.amount");
    }
}
