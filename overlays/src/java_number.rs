//! Numbers as Java prints them: `Double.toString`, on whose digits Flink's memory arithmetic rests.

/// The shortest digits that mean this number, and the power of ten that they are multiplied with; `None` for what is
/// not finite. When two shortest forms are equally near, the one with the even last digit, as Java has it.
pub(crate) fn digits(number: f64) -> Option<(u128, i32)> {
    let (digits, exponent) = parts(&format!("{:e}", number.abs()))?;
    let significant = digits.to_string().len();
    // Forty digits more than the shortest: what follows a five there is nothing but zeros only in a tie.
    let (exact, _) = split(&format!("{:.*e}", significant + 40, number.abs()))?;
    let (head, tail) = exact.split_at_checked(significant)?;
    if tail.starts_with('5') && tail.bytes().skip(1).all(|digit| digit == b'0') {
        let below: u128 = head.parse().ok()?;
        let even = below + below % 2;
        if format!("{even}e{exponent}").parse() == Ok(number.abs()) {
            return Some((even, exponent));
        }
    }
    Some((digits, exponent))
}

/// `Double.toString`: decimal between 10^-3 and 10^7, else computerised scientific notation.
pub(crate) fn to_text(number: f64) -> String {
    let Some((digits, exponent)) = digits(number).filter(|_| number != 0.0) else { return format!("{number:?}") };
    let digits = digits.to_string();
    let sign = if number < 0.0 { "-" } else { "" };
    // The number is 0.d₁d₂d₃… times ten to the power of `point`.
    let point = i32::try_from(digits.len()).unwrap_or_default() + exponent;
    if !(-2..=7).contains(&point) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{}", point - 1);
    }
    let Ok(whole) = usize::try_from(point) else {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    };
    match digits.split_at_checked(whole) {
        Some(("", fraction)) => format!("{sign}0.{fraction}"),
        Some((whole, "")) => format!("{sign}{whole}.0"),
        Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len())),
    }
}

/// The digits and the power of ten of a text such as `1.25e-3`.
fn parts(text: &str) -> Option<(u128, i32)> {
    let (digits, exponent) = split(text)?;
    let fraction = i32::try_from(digits.len()).ok()? - 1;
    Some((digits.parse().ok()?, exponent - fraction))
}

fn split(text: &str) -> Option<(String, i32)> {
    let (mantissa, exponent) = text.split_once('e')?;
    Some((mantissa.replace('.', ""), exponent.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_are_printed_as_java_prints_them() {
        for (number, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (0.0015, "0.0015"),
            (0.0001, "1.0E-4"),
            (123.0, "123.0"),
            (1200.5, "1200.5"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568E17"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(to_text(number), text);
        }
    }

    #[test]
    fn of_two_equally_near_forms_the_even_one_is_taken() {
        assert_eq!(digits(f64::from(0.539_070_1_f32)).unwrap(), (5_390_701_293_945_312, -16));
        assert_eq!(digits(0.4).unwrap(), (4, -1));
        assert_eq!(digits(f64::INFINITY), None);
    }

    proptest! {
        #[test]
        fn the_printed_form_means_the_same_number(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(to_text(number).parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
