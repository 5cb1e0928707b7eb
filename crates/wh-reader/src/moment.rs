//! Dates and moments from bytes: ISO 8601, RFC 3339 and `YYYY-MM-DD HH:MM:SS`. A moment without a zone is read as UTC.

const DAY_MICROS: i64 = 86_400_000_000;

fn digits<const N: usize>(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at + N)?;
    let mut value = 0_u32;
    for byte in part {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`).
const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

const fn month_days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The day that the first ten bytes are: `2013-01-31` or `2013/01/31`.
fn day(bytes: &[u8]) -> Option<i32> {
    let (dash, second) = (*bytes.get(4)?, *bytes.get(7)?);
    if dash != second || (dash != b'-' && dash != b'/') {
        return None;
    }
    let year = digits::<4>(bytes, 0)?;
    let month = digits::<2>(bytes, 5)?;
    let day = digits::<2>(bytes, 8)?;
    if year == 0 || month == 0 || month > 12 || day == 0 || day > month_days(year, month) {
        return None;
    }
    Some(days_from_civil(year as i32, month, day))
}

/// A day and nothing else, in days since 1970.
pub(crate) fn date(bytes: &[u8]) -> Option<i32> {
    if bytes.len() == 10 { day(bytes) } else { None }
}

/// A moment in microseconds since 1970 UTC; a bare day is its midnight.
pub(crate) fn datetime(bytes: &[u8]) -> Option<i64> {
    let midnight = i64::from(day(bytes)?) * DAY_MICROS;
    if bytes.len() == 10 {
        return Some(midnight);
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') || *bytes.get(13)? != b':' {
        return None;
    }
    let hour = digits::<2>(bytes, 11)?;
    let minute = digits::<2>(bytes, 14)?;
    if hour > 23 || minute > 59 {
        return None;
    }
    let mut at = 16;
    let mut micros = i64::from(hour * 3600 + minute * 60) * 1_000_000;
    if bytes.get(at) == Some(&b':') {
        let second = digits::<2>(bytes, at + 1)?;
        if second > 60 {
            return None;
        }
        micros += i64::from(second.min(59)) * 1_000_000; // a leap second is the second before it
        at += 3;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            let (fraction, end) = fraction(bytes, at + 1)?;
            micros += fraction;
            at = end;
        }
    }
    Some(midnight + micros - zone(&bytes[at..])?)
}

/// One to nine digits of a second, cut to microseconds, and where they end.
fn fraction(bytes: &[u8], start: usize) -> Option<(i64, usize)> {
    let count = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 9 {
        return None;
    }
    let mut micros = 0_i64;
    for place in 0..6 {
        let digit = if place < count { i64::from(bytes[start + place] - b'0') } else { 0 };
        micros = micros * 10 + digit;
    }
    Some((micros, start + count))
}

/// The zone's offset in microseconds: nothing, `Z`, `+hh`, `+hhmm`, `+hh:mm`, ` UTC`.
fn zone(rest: &[u8]) -> Option<i64> {
    let rest = if let [b' ', inner @ ..] = rest { inner } else { rest };
    let (sign, rest) = match rest {
        [] | b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let minutes = match rest.len() {
        2 => 0,
        4 => digits::<2>(rest, 2)?,
        5 if rest[2] == b':' => digits::<2>(rest, 3)?,
        _ => return None,
    };
    let hours = digits::<2>(rest, 0)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some(sign * i64::from(hours * 60 + minutes) * 60_000_000)
}
