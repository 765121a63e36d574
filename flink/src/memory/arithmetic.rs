//! Sums, differences and fractions of sizes, exactly as Flink computes them in Java.

use super::MemoryError;
use crate::config::{Configuration, MemorySize};
use crate::java_number;
use crate::options::ConfigOption;

/// The sum of sizes.
pub(super) fn sum(sizes: &[MemorySize]) -> Result<MemorySize, MemoryError> {
    sizes
        .iter()
        .try_fold(0_u64, |sum, size| sum.checked_add(size.0))
        .map(MemorySize)
        .filter(|sum| *sum <= MemorySize::MAX)
        .ok_or(MemoryError::Overflow)
}

/// What `parts` leave of `whole`. Names are shown when there is nothing left.
pub(super) fn rest(
    whole: (&str, MemorySize),
    parts: &[(&str, MemorySize)],
) -> Result<MemorySize, MemoryError> {
    let sum = sum(&parts.iter().map(|(_, size)| *size).collect::<Vec<_>>())?;
    whole.1.0.checked_sub(sum.0).map(MemorySize).ok_or_else(|| MemoryError::TooSmall {
        parts: parts.iter().map(|part| named(*part)).collect::<Vec<_>>().join(", "),
        whole: named(whole),
    })
}

/// A size with its name, for messages.
pub(super) fn named((name, size): (&str, MemorySize)) -> String {
    format!("{name} {size}")
}

/// A part given as a fraction of a whole, between bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    fraction: f64,
    pub(super) min: MemorySize,
    pub(super) max: MemorySize,
}

impl Share {
    /// Reads the fraction. Flink keeps fractions with single precision and computes with double.
    pub(super) fn read(
        config: &Configuration,
        option: &ConfigOption<f32>,
        (min, max): (MemorySize, MemorySize),
    ) -> Result<Self, MemoryError> {
        let fraction = f64::from(config.read_unbounded(option)?);
        let key = option.key();
        if min > max {
            return Err(MemoryError::Contradiction(format!(
                "{key}: its minimum {min} is more than its maximum {max}"
            )));
        }
        if !(0.0..1.0).contains(&fraction) {
            let value = config.get(key).unwrap_or_default().to_owned();
            return Err(MemoryError::Number {
                key,
                value,
                allowed: "a fraction from 0 to less than 1",
            });
        }
        Ok(Self { fraction, min, max })
    }

    /// The part of `whole`.
    pub(super) fn of(self, whole: MemorySize) -> Result<MemorySize, MemoryError> {
        Ok(multiply(whole, self.fraction)?.clamp(self.min, self.max))
    }

    /// The part when `others` is the whole without it.
    pub(super) fn beside(self, others: MemorySize) -> Result<MemorySize, MemoryError> {
        Ok(multiply(others, self.fraction / (1.0 - self.fraction))?.clamp(self.min, self.max))
    }

    pub(super) fn holds(self, size: MemorySize) -> bool {
        (self.min..=self.max).contains(&size)
    }
}

/// `MemorySize.multiply`: the exact product of the bytes and the shortest decimal form of the
/// factor, rounded down.
fn multiply(size: MemorySize, factor: f64) -> Result<MemorySize, MemoryError> {
    let (digits, exponent) = java_number::digits(factor).ok_or(MemoryError::Overflow)?;
    let product = u128::from(size.0).checked_mul(digits).ok_or(MemoryError::Overflow)?;
    let power = |n: u32| 10_u128.checked_pow(n);
    let product = if exponent < 0 {
        power(exponent.unsigned_abs()).map_or(0, |divisor| product / divisor)
    } else {
        power(exponent.unsigned_abs())
            .and_then(|scale| product.checked_mul(scale))
            .ok_or(MemoryError::Overflow)?
    };
    match u64::try_from(product).map(MemorySize) {
        Ok(size) if size <= MemorySize::MAX => Ok(size),
        _ => Err(MemoryError::Overflow),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_product_is_exact_and_rounded_down() {
        let product = |bytes, factor: f64| multiply(MemorySize(bytes), factor).unwrap().0;
        assert_eq!(product(1_342_177_280, f64::from(0.4_f32)), 536_870_920);
        assert_eq!(product(1_342_177_280, f64::from(0.1_f32)), 134_217_730);
        assert_eq!(product(10, 0.29), 2);
        assert_eq!(
            product(u64::try_from(i64::MAX).unwrap(), 1.0),
            u64::try_from(i64::MAX).unwrap()
        );
        assert_eq!(product(1 << 40, 1e-40), 0);
        assert_eq!(product(3, 1e3), 3000);
        assert!(matches!(multiply(MemorySize::MAX, 1.5), Err(MemoryError::Overflow)));
        assert!(matches!(multiply(MemorySize(1), f64::INFINITY), Err(MemoryError::Overflow)));
    }

    #[test]
    fn parts_that_are_more_than_the_whole_are_named_with_their_sizes() {
        let mebibytes = MemorySize::of_mebibytes;
        let error =
            rest(("c", mebibytes(2)), &[("a", mebibytes(1)), ("b", mebibytes(2))]).unwrap_err();
        assert_eq!(error.to_string(), "a 1m, b 2m come to more than c 2m");
        assert_eq!(
            rest(("c", mebibytes(3)), &[("a", mebibytes(1)), ("b", mebibytes(2))]).unwrap().0,
            0
        );
    }
}
