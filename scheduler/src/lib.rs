//! The application master.

pub mod core;
