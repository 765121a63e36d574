//! Real parts for the end-to-end tests.
