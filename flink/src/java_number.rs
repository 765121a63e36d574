//! Numbers as Java prints and reads them: `Double.toString`, on whose digits Flink's memory
//! arithmetic rests, and `Double.parseDouble`; and the blanks that Java cuts off around them.

/// The shortest digits that mean this number, and the power of ten that they are multiplied with;
/// `None` for what is not finite. When two shortest forms are equally near, the one with the even
/// last digit, as Java has it.
pub(crate) fn digits(number: f64) -> Option<(u128, i32)> {
    let (digits, exponent) = parts(&format!("{:e}", number.abs()))?;
    let significant = digits.checked_ilog10().map_or(1, |log| log + 1);
    if !can_be_a_tie(number, significant, exponent) {
        return Some((digits, exponent));
    }
    // Forty digits more than the shortest: what follows a five there is nothing but zeros only in a
    // tie.
    let significant = significant as usize;
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

/// Can two forms with so many digits be equally near? Then the exact number has one digit more. A
/// fraction has as many digits behind the point as its smallest power of two.
fn can_be_a_tie(number: f64, significant: u32, exponent: i32) -> bool {
    let bits = number.abs().to_bits();
    let fraction = bits & ((1 << 52) - 1);
    // The power of the last bit is this less 1075; numbers below the smallest normal one have no
    // leading bit.
    let (mantissa, power) = match (bits >> 52) as u32 {
        0 => (fraction, 1),
        power => (fraction | 1 << 52, power),
    };
    let behind_point = 1075 - i64::from(power) - i64::from(mantissa.trailing_zeros());
    let significant = i64::from(significant);
    let all = behind_point + significant + i64::from(exponent);
    behind_point <= 0 || (significant..=significant + 2).contains(&all)
}

/// `Double.toString`: decimal between 10^-3 and 10^7, else computerised scientific notation.
pub(crate) fn to_text(number: f64) -> String {
    let Some((digits, exponent)) = digits(number).filter(|_| number != 0.0) else {
        return format!("{number:?}");
    };
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

/// `Double.parseDouble`: a decimal or hexadecimal number with blanks around it and a type's letter
/// at its end.
pub(crate) fn parse(text: &str) -> Option<f64> {
    hexadecimal(text.trim_matches(|c| c <= ' ')).or_else(|| decimal_form(text)?.parse().ok())
}

/// A number in Java's notation as Rust has it, the hexadecimal ones excepted: blanks around it and
/// a type's letter go; Rust's own names for infinity and not-a-number are refused, Java's are
/// taken.
pub(crate) fn decimal_form(text: &str) -> Option<&str> {
    let text = text.trim_matches(|c| c <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" || unsigned == "NaN" {
        return Some(text);
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    Some(text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text))
}

/// A number such as `0x1.8p3`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (minus, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"))?;
    hexadecimal_value(digits).map(|number| if minus { -number } else { number })
}

fn hexadecimal_value(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let exponent = exponent.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(exponent);
    let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Far beyond what a number can have; the digits before it cannot make up for so much.
    let far = if exponent.starts_with('-') { -1_000_000_000 } else { 1_000_000_000 };
    let mut exponent: i64 = exponent.parse().unwrap_or(far).clamp(-1_000_000_000, 1_000_000_000);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0_u64;
    for (digit, is_fraction) in
        whole.chars().map(|c| (c, false)).chain(fraction.chars().map(|c| (c, true)))
    {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa < 1 << 59 {
            mantissa = mantissa << 4 | digit;
            exponent -= if is_fraction { 4 } else { 0 };
        } else {
            // What does not fit counts only as more than nothing.
            mantissa |= u64::from(digit != 0);
            exponent += if is_fraction { 0 } else { 4 };
        }
    }
    Some(scaled(mantissa, exponent))
}

/// The number times two to the power of the exponent, rounded once, to the even neighbour in a tie.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    let bits = i64::from(64 - mantissa.leading_zeros());
    let highest = exponent + bits - 1;
    if mantissa == 0 || highest < -1075 {
        return 0.0;
    }
    if highest > 1023 {
        return f64::INFINITY;
    }
    // Below the smallest normal number there are fewer digits.
    let digits = if highest < -1022 { 53 - (-1022 - highest) } else { 53 };
    let spare = (bits - digits).clamp(0, 63) as u32;
    let rest = mantissa & ((1 << spare) - 1);
    let half = (1_u64 << spare) / 2;
    let mut kept = mantissa >> spare;
    if spare > 0 && (rest > half || rest == half && kept % 2 == 1) {
        kept += 1;
    }
    let power = (exponent + i64::from(spare)) as i32;
    // In two steps, since two to such a power alone may be no number; both are exact.
    kept as f64 * 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2)
}

/// The longest number that is not in decimal; Java has no bound, but needs ever longer.
const MOST_DIGITS: usize = 2000;

/// The decimal text of a whole number of another radix; `None` when it is none, or too long.
pub(crate) fn decimal(digits: &str, radix: u32) -> Option<String> {
    const LIMB: u64 = 1_000_000_000;
    if digits.is_empty() || digits.len() > MOST_DIGITS {
        return None;
    }
    let mut limbs = vec![0_u64];
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(radix)?);
        for limb in &mut limbs {
            let value = *limb * u64::from(radix) + carry;
            (*limb, carry) = (value % LIMB, value / LIMB);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut limbs = limbs.iter().rev();
    let first = limbs.next().map(u64::to_string).unwrap_or_default();
    Some(limbs.fold(first, |text, limb| format!("{text}{limb:09}")))
}

/// Leading digits and, without blanks around it, what follows them.
pub(crate) fn split_number(text: &str) -> (&str, &str) {
    let text = text.trim_matches(is_java_blank);
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number, unit.trim_matches(is_java_blank))
}

/// What Java's `trim` takes away: everything up to the blank.
pub(crate) fn is_java_blank(c: char) -> bool {
    c <= ' '
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

    #[test]
    fn hexadecimal_numbers_are_read_as_java_reads_them() {
        for (text, number) in [
            ("0x1p3", 8.0),
            (" -0X1.8P1d ", -3.0),
            ("0x.8p0", 0.5),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0x0.0000000000001p-1022", f64::from_bits(1)),
            ("0x1p-1075", 0.0),
            ("0x1.0000000000000000000000001p-1075", f64::from_bits(1)),
            ("0x1p99999999999999999999", f64::INFINITY),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000000000001p0", 1.0 + f64::EPSILON),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["0x1", "0xp1", "0x1p", "0x1p+", "0x1.8.p1", "0xgp1", "x1p1", "0x1p1x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_of_another_radix_become_decimal() {
        assert_eq!(decimal("ff", 16).as_deref(), Some("255"));
        assert_eq!(decimal("7777777777777777777777", 8).as_deref(), Some("73786976294838206463"));
        assert_eq!(decimal("3b9aca00", 16).as_deref(), Some("1000000000"));
        assert_eq!(decimal(&"f".repeat(MOST_DIGITS + 1), 16), None);
        assert!(
            decimal("", 16).is_none() && decimal("8", 8).is_none() && decimal("+1", 16).is_none()
        );
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
