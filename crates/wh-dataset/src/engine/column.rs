//! One column of one chunk: unsigned codes as narrow as the values allow, and how to turn a code into its value.
use arrow_buffer::ScalarBuffer;

/// The code of an empty cell in every column.
pub(crate) const NULL: u64 = 0;

/// Digits after the point that numbers may have to be held as whole numbers.
const DECIMALS_MAX: u8 = 4;
/// Whole numbers of that form stay below this, so that all scaled forms are exact in an `f64`.
const DECIMAL_LIMIT: f64 = (1_u64 << 38) as f64;
/// The powers of ten of the decimal form.
pub(crate) const POWERS: [f64; DECIMALS_MAX as usize + 1] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0];

/// An unsigned integer that serves as a code.
pub(crate) trait Code: Copy + Ord + Send + Sync + 'static {
    /// As the widest.
    fn wide(self) -> u64;
    /// From the widest; the caller knows that it fits.
    fn narrow(wide: u64) -> Self;
    /// Subtraction modulo the width: makes a range test one comparison.
    fn minus(self, other: Self) -> Self;
}

macro_rules! codes {
    ($($kind:ty)*) => {$(
        impl Code for $kind {
            #[inline]
            fn wide(self) -> u64 {
                u64::from(self)
            }
            #[inline]
            fn narrow(wide: u64) -> Self {
                wide as Self
            }
            #[inline]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        }
    )*};
}
codes!(u8 u16 u32 u64);

/// The codes of a column in a chunk.
#[derive(Clone, Debug)]
pub(crate) enum Codes {
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    U64(ScalarBuffer<u64>),
}

/// Runs the expression with the codes as a slice of their own width.
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $crate::engine::column::Codes::U8(buffer) => {
                let $slice: &[u8] = buffer;
                $body
            }
            $crate::engine::column::Codes::U16(buffer) => {
                let $slice: &[u16] = buffer;
                $body
            }
            $crate::engine::column::Codes::U32(buffer) => {
                let $slice: &[u32] = buffer;
                $body
            }
            $crate::engine::column::Codes::U64(buffer) => {
                let $slice: &[u64] = buffer;
                $body
            }
        }
    };
}
pub(crate) use with_codes;

impl Codes {
    /// Codes in the least width that holds the greatest of them.
    fn pack(max: u64, codes: impl Iterator<Item = u64>) -> Self {
        if u8::try_from(max).is_ok() {
            Self::U8(codes.map(u8::narrow).collect())
        } else if u16::try_from(max).is_ok() {
            Self::U16(codes.map(u16::narrow).collect())
        } else if u32::try_from(max).is_ok() {
            Self::U32(codes.map(u32::narrow).collect())
        } else {
            Self::U64(codes.collect())
        }
    }

    /// The code of a row of the chunk.
    #[inline]
    pub(crate) fn at(&self, row: usize) -> u64 {
        with_codes!(self, codes => codes[row].wide())
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> u64 {
        with_codes!(self, codes => size_of_val(codes) as u64)
    }
}

/// How a code becomes a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// `base + (code - 1) * scale`: integers, booleans, days, microseconds.
    Whole { base: i64, scale: u64 },
    /// The same, divided by ten to the power of `decimals`: numbers with few digits.
    Decimal { base: i64, scale: u64, decimals: u8 },
    /// The bits of a number in their order: numbers with many digits.
    Float,
    /// The place in the dictionary plus one.
    Text,
}

/// A column of a chunk.
#[derive(Clone, Debug)]
pub(crate) struct ColumnChunk {
    pub(crate) codes: Codes,
    pub(crate) form: Form,
    /// The least code of a filled cell; 0 when all are empty.
    pub(crate) min: u64,
    /// The greatest code; 0 when all are empty.
    pub(crate) max: u64,
    /// Whether a cell is empty.
    pub(crate) has_null: bool,
}

impl ColumnChunk {
    /// From whole numbers, `i64::MIN` standing for empty.
    pub(crate) fn of_whole(values: &[i64]) -> Self {
        let (base, scale, max, has_null) = measure(values);
        let codes = Codes::pack(max, values.iter().map(|&value| whole_code(value, base, scale)));
        Self { codes, form: Form::Whole { base, scale }, min: u64::from(max > 0), max, has_null }
    }

    /// From numbers, NaN standing for empty.
    pub(crate) fn of_numbers(values: &[f64]) -> Self {
        for (decimals, power) in (0_u8..).zip(POWERS) {
            if let Some(whole) = as_whole(values, power) {
                let (base, scale, max, has_null) = measure(&whole);
                let codes = Codes::pack(max, whole.iter().map(|&value| whole_code(value, base, scale)));
                let form = Form::Decimal { base, scale, decimals };
                return Self { codes, form, min: u64::from(max > 0), max, has_null };
            }
        }
        let codes: ScalarBuffer<u64> = values.iter().map(|&value| number_code(value)).collect();
        let filled = || codes.iter().copied().filter(|&code| code != NULL);
        let (min, max) = (filled().min().unwrap_or(NULL), filled().max().unwrap_or(NULL));
        let has_null = codes.contains(&NULL);
        Self { codes: Codes::U64(codes), form: Form::Float, min, max, has_null }
    }

    /// From codes into the dictionary of the column, 0 standing for empty.
    pub(crate) fn of_text(values: &[u32]) -> Self {
        let max = values.iter().copied().max().unwrap_or(0);
        let min = values.iter().copied().filter(|&code| code != 0).min().unwrap_or(0);
        let codes = Codes::pack(u64::from(max), values.iter().map(|&code| u64::from(code)));
        Self { codes, form: Form::Text, min: min.into(), max: max.into(), has_null: values.contains(&0) }
    }

    /// The same texts by other codes.
    pub(crate) fn recoded(&self, codes: &[u32]) -> Self {
        let recoded: Vec<u32> =
            with_codes!(&self.codes, own => own.iter().map(|code| codes[code.wide() as usize]).collect());
        Self::of_text(&recoded)
    }

    /// The whole number of a code that is not empty.
    #[inline]
    pub(crate) fn whole(base: i64, scale: u64, code: u64) -> i64 {
        base.wrapping_add((code - 1).wrapping_mul(scale) as i64)
    }

    /// The number of a code that is not empty; `None` for text.
    #[inline]
    pub(crate) fn number(&self, code: u64) -> f64 {
        match self.form {
            Form::Whole { base, scale } => Self::whole(base, scale, code) as f64,
            Form::Decimal { base, scale, decimals } => {
                Self::whole(base, scale, code) as f64 / POWERS[usize::from(decimals)]
            }
            Form::Float => code_number(code),
            Form::Text => f64::NAN,
        }
    }
}

/// The code of a whole number in its frame.
#[inline]
fn whole_code(value: i64, base: i64, scale: u64) -> u64 {
    if value == i64::MIN {
        return NULL;
    }
    let distance = value.wrapping_sub(base) as u64;
    if scale == 1 { distance + 1 } else { distance / scale + 1 }
}

/// Base, scale, greatest code, whether a cell is empty.
fn measure(values: &[i64]) -> (i64, u64, u64, bool) {
    // Empty cells are the least of all, so the greatest is right as it is and the least needs one step.
    let max = values.iter().copied().max().unwrap_or(i64::MIN);
    if max == i64::MIN {
        return (0, 1, NULL, !values.is_empty());
    }
    let least = values.iter().map(|&value| if value == i64::MIN { i64::MAX } else { value }).min();
    let base = least.unwrap_or(max);
    let has_null = values.contains(&i64::MIN);
    let distance = max.wrapping_sub(base) as u64;
    let scale = if distance < u64::from(u8::MAX) { 1 } else { common_step(values, base) };
    (base, scale, distance / scale + 1, has_null)
}

/// The greatest step that all distances from the base are multiples of: hours in microseconds become small codes.
fn common_step(values: &[i64], base: i64) -> u64 {
    let mut step = 0_u64;
    for &value in values {
        if value == i64::MIN {
            continue;
        }
        let distance = value.wrapping_sub(base) as u64;
        if distance == 0 || (step != 0 && distance.is_multiple_of(step)) {
            continue;
        }
        step = gcd(step, distance);
        if step == 1 {
            return 1;
        }
    }
    step.max(1)
}

pub(crate) fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The numbers times the power as whole numbers, when that loses nothing.
fn as_whole(values: &[f64], power: f64) -> Option<Vec<i64>> {
    let mut whole = Vec::with_capacity(values.len());
    for &value in values {
        if value.is_nan() {
            whole.push(i64::MIN);
            continue;
        }
        let scaled = (value * power).round();
        // The same quotient that reading computes; a negative zero would come back as zero, which is the same number.
        if scaled.abs() >= DECIMAL_LIMIT || (scaled / power).to_bits() != (value + 0.0).to_bits() {
            return None;
        }
        whole.push(scaled as i64);
    }
    Some(whole)
}

/// The bits of a finite number in the order of the numbers; NaN is empty.
#[inline]
pub(crate) fn number_code(value: f64) -> u64 {
    if value.is_nan() {
        return NULL;
    }
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// The number of those bits.
#[inline]
pub(crate) fn code_number(code: u64) -> f64 {
    f64::from_bits(if code >> 63 == 1 { code & !(1 << 63) } else { !code })
}
