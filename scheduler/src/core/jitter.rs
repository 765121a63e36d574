//! Waits of different lengths, without randomness of its own.

/// Between 0.8 and 1, the same for the same seed.
pub(super) fn jitter(seed: u64) -> f64 {
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    0.8 + 0.2 * (mixed as f64 / f64::from(1_u32 << 24))
}
