//! How far a transfer is, for people.

/// The bytes that have arrived, of how many if that is known: `1.5 of 20.0 MB`.
pub fn megabytes(bytes: u64, total: Option<u64>) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    match total {
        Some(total) => format!("{:.1} of {:.1} MB", megabytes(bytes), megabytes(total)),
        None => format!("{:.1} MB", megabytes(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_shown_if_it_is_known() {
        assert_eq!(megabytes(1_540_000, Some(20_000_000)), "1.5 of 20.0 MB");
        assert_eq!(megabytes(0, None), "0.0 MB");
    }
}
