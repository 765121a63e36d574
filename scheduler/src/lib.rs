//! The application master.
