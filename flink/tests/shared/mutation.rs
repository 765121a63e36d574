//! Files of the fuzzers' corpus and what becomes of them when they are broken at random.

use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// What means something in one of the formats.
const TOKENS: &[&str] = &[
    ": ",
    ":",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "#",
    " #",
    "&a ",
    "*a",
    "!!int ",
    "!t ",
    "|\n ",
    ">-\n ",
    "\t",
    "\n",
    "\r\n",
    "---\n",
    "...\n",
    "? ",
    "\\",
    "\\x",
    "\\u00e9",
    "~",
    "null",
    "<<: ",
    "@",
    "`",
    "%YAML 1.1\n",
    "\u{feff}",
    "\0",
    "é",
    "日",
    "  ",
    "\u{85}",
    "\u{2028}",
    "9223372036854775808",
    ".inf",
    "0x",
    "=",
    "a.b",
];

/// The files for this name of a configuration's file.
pub(crate) fn corpus(file: &str) -> Vec<Vec<u8>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(file.replace('.', "-"));
    let mut paths: Vec<_> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs_err::read(path).unwrap()).collect()
}

/// A file of the corpus with one to four changes.
pub(crate) fn mutated(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = corpus.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 20));
        match random.random_range(0..6) {
            0 => drop(bytes.splice(at..at, TOKENS.choose(random).unwrap().bytes())),
            1 => drop(bytes.splice(at..end, TOKENS.choose(random).unwrap().bytes())),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            4 => {
                let other = corpus.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                drop(bytes.splice(at..at, other[from..].iter().copied().take(30)));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
    bytes
}
