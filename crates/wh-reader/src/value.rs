//! Numbers and booleans from bytes, without allocation and without loss. Dates are in `moment`.

/// Why bytes are not a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInt {
    /// Not digits.
    Form,
    /// Digits, but beyond 64 bits.
    Range,
}

/// The bytes without the white space around them.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A whole number: an optional sign and digits.
#[inline]
pub(crate) fn int(bytes: &[u8]) -> Result<i64, NotInt> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() {
        return Err(NotInt::Form);
    }
    if digits.len() > 18 {
        return int_long(if negative { -1 } else { 1 }, digits);
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NotInt::Form);
        }
        value = value * 10 + i64::from(digit);
    }
    Ok(if negative { -value } else { value })
}

#[cold]
fn int_long(sign: i64, digits: &[u8]) -> Result<i64, NotInt> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotInt::Form);
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = i64::from(byte - b'0');
        value = value.checked_mul(10).and_then(|v| v.checked_add(sign * digit)).ok_or(NotInt::Range)?;
    }
    Ok(value)
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A number: sign, digits, fraction, exponent. Not `inf`, not `nan`, no separators of thousands.
#[inline]
pub(crate) fn double(bytes: &[u8]) -> Option<f64> {
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let mut mantissa = 0_u64;
    let mut digits = 0_usize;
    let mut fraction = 0_usize;
    let mut point = false;
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            if digits >= 18 {
                return double_slow(bytes, rest);
            }
            mantissa = mantissa * 10 + u64::from(digit);
            digits += 1;
            fraction += usize::from(point);
        } else if *byte == b'.' && !point {
            point = true;
        } else {
            return double_slow(bytes, rest);
        }
    }
    if digits == 0 {
        return None;
    }
    // Exact by Clinger: mantissa and power of ten are both doubles without rounding.
    if mantissa <= 1 << 53 {
        let value = mantissa as f64 / POWERS[fraction];
        return Some(if negative { -value } else { value });
    }
    double_slow(bytes, rest)
}

#[cold]
fn double_slow(bytes: &[u8], unsigned: &[u8]) -> Option<f64> {
    let (first, last) = (*unsigned.first()?, *unsigned.last()?);
    if !(first.is_ascii_digit() || first == b'.') || !(last.is_ascii_digit() || last == b'.') {
        return None; // keeps `inf` and `nan` out
    }
    std::str::from_utf8(bytes).ok()?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Words for true and false, in lower case, by pairs; single letters and on/off need both in a sample to be believed.
pub(crate) const BOOLEAN_WORDS: [(&str, &str); 5] =
    [("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"), ("on", "off")];

/// A boolean word in any case, or 1 and 0.
#[inline]
pub(crate) fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes {
        b"true" | b"True" | b"TRUE" | b"1" => return Some(true),
        b"false" | b"False" | b"FALSE" | b"0" => return Some(false),
        _ => {}
    }
    BOOLEAN_WORDS.iter().find_map(|(yes, no)| {
        if bytes.eq_ignore_ascii_case(yes.as_bytes()) {
            Some(true)
        } else if bytes.eq_ignore_ascii_case(no.as_bytes()) {
            Some(false)
        } else {
            None
        }
    })
}
