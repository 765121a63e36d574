//! Flink's memory sizes.

/// A number of bytes, at most 2^63 - 1 like Flink's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MemorySize(pub u64);

impl MemorySize {
    /// Whole mebibytes, rounded down.
    pub fn mebibytes(self) -> u64 {
        self.0 >> 20
    }
}
