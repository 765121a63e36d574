//! Errors that say who can resolve them: a person, or the next start by itself.

/// An error that says whether a person must resolve it.
pub trait NeedsAPerson: std::error::Error + Send + Sync + 'static {
    /// Whether a person must resolve it before the next start.
    fn needs_a_person(&self) -> bool;
}
