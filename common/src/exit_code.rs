//! Exit codes that all our programs share.

/// Wrong usage or configuration: `EX_USAGE` of sysexits(3).
pub const USAGE: u8 = 64;
