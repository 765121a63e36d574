//! How the tables are written: the macro, and what a declaration can say.

use super::{Bounds, ConfigOption, Declaration, Earlier, Kind, OptionType};

/// Declares options: the meaning, then the name for readers (`_` if this project reads it by
/// another way or not at all), the type, and the rest. All are in `OPTIONS`, in this order.
macro_rules! declare {
    ($($(#[doc = $meaning:literal])+ option $name:tt: $value:ty = $option:expr;)+) => {
        $($crate::options::declare::named! { $(#[doc = $meaning])+ $name: $value = $option.meaning(concat!($($meaning),+)) })+

        pub(in $crate::options) const OPTIONS: &[$crate::options::Declaration] = &[$({
            const OPTION: $crate::options::ConfigOption<$value> = $option.meaning(concat!($($meaning),+));
            OPTION.checked()
        }),+];
    };
}

/// The constant of an option that has a name.
macro_rules! named {
    ($(#[$meaning:meta])+ _: $value:ty = $option:expr) => {};
    ($(#[$meaning:meta])+ $name:ident: $value:ty = $option:expr) => {
        $(#[$meaning])+
        pub const $name: $crate::options::ConfigOption<$value> = $option;
    };
}

pub(in crate::options) use {declare, named};

/// An option of this key, to be declared.
pub(crate) const fn key<T: OptionType>(key: &'static str) -> ConfigOption<T> {
    ConfigOption::new(Declaration {
        key,
        kind: T::KIND,
        default: None,
        unit: None,
        bounds: None,
        deprecated: &[],
        since: None,
        until: None,
        earlier: &[],
        secret: false,
        without_effect: None,
        meaning: "",
    })
}

impl<T> ConfigOption<T> {
    /// The lines of a documentation comment, each with the blank before it.
    pub(in crate::options) const fn meaning(mut self, meaning: &'static str) -> Self {
        self.declaration.meaning = meaning.trim_ascii_start();
        self
    }

    pub(in crate::options) const fn default(mut self, default: &'static str) -> Self {
        self.declaration.default = Some(default);
        self
    }

    pub(in crate::options) const fn unit(mut self, unit: &'static str) -> Self {
        self.declaration.unit = Some(unit);
        self
    }

    pub(in crate::options) const fn within(mut self, bounds: Bounds) -> Self {
        self.declaration.bounds = Some(bounds);
        self
    }

    /// A whole number in these bounds.
    pub(in crate::options) const fn between(self, least: i64, most: i64) -> Self {
        self.within(Bounds::Integer(least, most))
    }

    /// A port, 0 for any.
    pub(in crate::options) const fn port(self) -> Self {
        self.between(0, 65535)
    }

    /// A text that is a port, or ports to choose from.
    pub(in crate::options) const fn ports(mut self) -> Self {
        self.declaration.kind = Kind::Ports;
        self
    }

    /// A text that is the size of a message as Pekko reads it.
    pub(in crate::options) const fn message_size(mut self) -> Self {
        self.declaration.kind = Kind::MessageSize;
        self
    }

    /// One of these texts.
    pub(in crate::options) const fn one_of(mut self, allowed: &'static [&'static str]) -> Self {
        self.declaration.kind = Kind::Choice(allowed);
        self
    }

    /// One of these texts, in upper or lower case.
    pub(in crate::options) const fn any_case_of(
        mut self,
        allowed: &'static [&'static str],
    ) -> Self {
        self.declaration.kind = Kind::Enum(allowed);
        self
    }

    pub(in crate::options) const fn formerly(mut self, names: &'static [&'static str]) -> Self {
        self.declaration.deprecated = names;
        self
    }

    pub(in crate::options) const fn since(mut self, major: u32, minor: u32) -> Self {
        self.declaration.since = Some((major, minor));
        self
    }

    pub(in crate::options) const fn until(mut self, major: u32, minor: u32) -> Self {
        self.declaration.until = Some((major, minor));
        self
    }

    pub(in crate::options) const fn earlier(mut self, earlier: &'static [Earlier]) -> Self {
        self.declaration.earlier = earlier;
        self
    }

    /// Its value is never shown.
    pub(in crate::options) const fn secret(mut self) -> Self {
        self.declaration.secret = true;
        self
    }

    pub(in crate::options) const fn without_effect(mut self, why: &'static str) -> Self {
        self.declaration.without_effect = Some(why);
        self
    }
}

impl<T: OptionType> ConfigOption<T> {
    /// What is known of it; this does not compile if readers need a default and there is none.
    pub(in crate::options) const fn checked(self) -> Declaration {
        assert!(!T::NEEDS_DEFAULT || self.declaration.default.is_some(), "readers need a default");
        self.declaration
    }
}
