//! What benchmarks make of their measurements.

/// The value in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a row of the group `bounds`: the peer is the bound.
pub fn bound(name: &str, ours: f64, bound: f64, unit: &str) {
    println!(
        "{name}\tbounds\t{ours:.1}\t{bound:.1}\t{:.2}\t{unit}",
        bound / ours.max(f64::MIN_POSITIVE)
    );
}
