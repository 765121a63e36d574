//! What others can cost us, measured beside its limit: the peer of each row is its bound.
//!
//! ```text
//! cargo bench -p fetcher-sidecar --bench bounds
//! ```
//!
//! Prints one line per row: name, group, ours, peer, ratio, unit, separated by tabs. The other side
//! is always a separate process, on loopback, for a minute at most. Values are medians.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]
#![allow(clippy::disallowed_methods, reason = "measures processes on the real clock")]

#[path = "../../tests/sidecar/host.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod host;
mod neighbours;
mod served;
mod sizes;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["crowd", address] => fetcher_tests::crowd::come(address),
        ["serve", folder] => served::serve(folder),
        ["unpack", format, folder] => {
            fetcher_tests::heavy::unpack_here(format.parse().unwrap(), folder.as_ref());
        }
        ["ask", socket, manifest, url] => neighbours::ask(socket, manifest, url),
        _ => {
            sizes::manifest();
            sizes::unpack();
            served::measure();
            neighbours::measure();
        }
    }
}

/// Prints a row without a bound.
fn fact(name: &str, value: f64, unit: &str) {
    println!("{name}\tbounds\t{value:.1}\t\t\t{unit}");
}
