//! The option that may be meant by a key that is none.

use super::all;

/// The known key that takes the fewest changes of letters, if they are few: of Flink's, of which
/// there are more than in the table, two at most.
pub fn nearest(key: &str) -> Option<&'static str> {
    let is_ours = key.starts_with("mesos.");
    let most = if is_ours { key.len() / 3 } else { 2.min(key.len() / 10) };
    let known =
        all().map(|option| option.key).filter(|known| known.starts_with("mesos.") == is_ours);
    let near = known.map(|known| (distance(key, known), known));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, known)| known)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
