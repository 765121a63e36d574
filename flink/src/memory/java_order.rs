//! The order in which Flink prints options: that of a Java `HashMap`.

/// Sorts entries as a Java `HashMap` lists them that was filled in the given order.
pub(super) fn in_java_order(entries: Vec<(String, String)>) -> Vec<(String, String)> {
    // The table doubles when it is more than three quarters full.
    let mut buckets = 16;
    while entries.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let mut sorted = entries;
    sorted.sort_by_cached_key(|(key, _)| bucket(key, buckets));
    sorted
}

fn bucket(key: &str, buckets: usize) -> usize {
    let hash = key
        .encode_utf16()
        .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_a_java_hash_map() {
        let entries = ["c", "b", "a", "zz", "yy"].map(|key| (key.to_owned(), String::new()));
        let order: Vec<String> =
            in_java_order(entries.to_vec()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(order, ["zz", "yy", "a", "b", "c"]);
    }
}
