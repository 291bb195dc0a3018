//! Exact numbers: 64-bit integers where they fit, big integers and decimals where they do not.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use bigdecimal::BigDecimal;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};

/// Longest number, in digits written out, that is read or computed; beyond it a small text such as `1e999999999`
/// would ask for gigabytes.
const DIGITS_MAX: i64 = 1_000;

/// Digits kept of a quotient that does not end.
const QUOTIENT_DIGITS: u64 = 34;

/// An exact number.
#[derive(Debug, Clone)]
pub struct Number(Repr);

/// `Int` whenever the value is an integer of 64 bits, and `Decimal` is normalised, so that equal numbers have equal
/// representations.
#[derive(Debug, Clone)]
enum Repr {
    Int(i64),
    Decimal(Box<BigDecimal>),
}

/// Why a number can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a JSON number.
    #[error("not a number")]
    Syntax,
    /// More digits than the limit.
    #[error("number has more than {DIGITS_MAX} digits")]
    TooLong,
    /// Division or remainder by zero.
    #[error("division by zero")]
    DivideByZero,
    /// A remainder of numbers that are not integers.
    #[error("remainder of a number that is not an integer")]
    NotInteger,
}

impl Number {
    /// The value as a 64-bit integer, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        if let Repr::Int(value) = &self.0 { Some(*value) } else { None }
    }

    /// Whether the value has no fraction.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Decimal(value) => value.is_integer(),
        }
    }

    /// The nearest 64-bit float.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the caller asks for the nearest float")]
            Repr::Int(value) => *value as f64,
            Repr::Decimal(value) => value.to_f64().unwrap_or(f64::INFINITY),
        }
    }

    /// The number that the shortest text of `value` denotes; `None` for infinities and NaN.
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_finite() { format!("{value:?}").parse().ok() } else { None }
    }

    /// As [`Number::from_f64`], for the shortest text of a smaller float, which is not that of the larger one.
    pub fn from_f32(value: f32) -> Option<Self> {
        if value.is_finite() { format!("{value:?}").parse().ok() } else { None }
    }

    /// The value as a big integer, if it has no fraction.
    pub fn to_big_int(&self) -> Option<BigInt> {
        match &self.0 {
            Repr::Int(value) => Some(BigInt::from(*value)),
            Repr::Decimal(value) if value.is_integer() => Some(value.with_scale(0).into_bigint_and_exponent().0),
            Repr::Decimal(_) => None,
        }
    }

    /// The value as a decimal.
    pub fn to_decimal(&self) -> BigDecimal {
        match &self.0 {
            Repr::Int(value) => BigDecimal::from(*value),
            Repr::Decimal(value) => (**value).clone(),
        }
    }

    /// Makes a number of a decimal.
    ///
    /// # Errors
    ///
    /// [`NumberError::TooLong`] if it has too many digits.
    pub fn from_decimal(value: BigDecimal) -> Result<Self, NumberError> {
        let value = value.normalized();
        let (digits, scale) = value.as_bigint_and_exponent();
        let digit_count = i64::try_from(digits.bits() / 3).unwrap_or(i64::MAX);
        if digit_count > DIGITS_MAX * 2 || scale.abs() > DIGITS_MAX {
            return Err(NumberError::TooLong);
        }
        if scale <= 0
            && let Some(int) = value.to_i64()
        {
            return Ok(Self(Repr::Int(int)));
        }
        Ok(Self(Repr::Decimal(Box::new(value))))
    }

    /// Sum.
    ///
    /// # Errors
    ///
    /// [`NumberError::TooLong`], as for every operation below.
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0)
            && let Some(sum) = left.checked_add(*right)
        {
            return Ok(Self::from(sum));
        }
        Self::from_decimal(self.to_decimal() + other.to_decimal())
    }

    /// Difference.
    ///
    /// # Errors
    ///
    /// As [`Number::add`].
    pub fn subtract(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0)
            && let Some(difference) = left.checked_sub(*right)
        {
            return Ok(Self::from(difference));
        }
        Self::from_decimal(self.to_decimal() - other.to_decimal())
    }

    /// Product.
    ///
    /// # Errors
    ///
    /// As [`Number::add`].
    pub fn multiply(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0)
            && let Some(product) = left.checked_mul(*right)
        {
            return Ok(Self::from(product));
        }
        Self::from_decimal(self.to_decimal() * other.to_decimal())
    }

    /// Quotient: exact where it ends within 34 digits, else rounded to the nearest there.
    ///
    /// # Errors
    ///
    /// [`NumberError::DivideByZero`], else as [`Number::add`].
    pub fn divide(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivideByZero);
        }
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0)
            && let Some(0) = left.checked_rem(*right)
            && let Some(quotient) = left.checked_div(*right)
        {
            return Ok(Self::from(quotient));
        }
        let quotient = self.to_decimal() / other.to_decimal();
        Self::from_decimal(if quotient.digits() > QUOTIENT_DIGITS {
            let precision = std::num::NonZeroU64::new(QUOTIENT_DIGITS).unwrap_or(std::num::NonZeroU64::MIN);
            quotient.with_precision_round(precision, bigdecimal::RoundingMode::HalfEven)
        } else {
            quotient
        })
    }

    /// Remainder of integers, with the sign of `self`.
    ///
    /// # Errors
    ///
    /// [`NumberError::DivideByZero`] and [`NumberError::NotInteger`].
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivideByZero);
        }
        if let (Repr::Int(left), Repr::Int(right)) = (&self.0, &other.0) {
            return Ok(Self::from(left.checked_rem(*right).unwrap_or(0)));
        }
        match (self.to_big_int(), other.to_big_int()) {
            (Some(left), Some(right)) => Self::from_decimal(BigDecimal::from(left % right)),
            _ => Err(NumberError::NotInteger),
        }
    }

    /// The value with its sign flipped.
    pub fn negate(&self) -> Self {
        match &self.0 {
            Repr::Int(value) => {
                value.checked_neg().map_or_else(|| Self(Repr::Decimal(Box::new(-BigDecimal::from(*value)))), Self::from)
            }
            Repr::Decimal(value) => Self::from_decimal(-(**value).clone()).unwrap_or_else(|_| self.clone()),
        }
    }

    /// Whether the value is below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Int(value) => *value < 0,
            Repr::Decimal(value) => value.is_negative(),
        }
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Int(value) => *value == 0,
            Repr::Decimal(value) => value.is_zero(),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Repr::Int(value))
    }
}

impl From<BigInt> for Number {
    fn from(value: BigInt) -> Self {
        match value.to_i64() {
            Some(int) => Self(Repr::Int(int)),
            None => Self(Repr::Decimal(Box::new(BigDecimal::from(value).normalized()))),
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// Reads the JSON number grammar, nothing more.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = split_number(text).ok_or(NumberError::Syntax)?;
        if mantissa.len() as i64 > DIGITS_MAX {
            return Err(NumberError::TooLong);
        }
        if exponent.is_empty()
            && !mantissa.contains('.')
            && let Ok(int) = mantissa.parse::<i64>()
        {
            return Ok(Self(Repr::Int(int)));
        }
        let exponent: i64 = match exponent.strip_prefix('+').unwrap_or(exponent) {
            "" => 0,
            digits => digits.parse().map_err(|_| NumberError::TooLong)?,
        };
        if exponent.abs() > DIGITS_MAX {
            return Err(NumberError::TooLong);
        }
        let fraction_digits = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as i64;
        let digits: BigInt = mantissa.replace('.', "").parse().map_err(|_| NumberError::Syntax)?;
        Self::from_decimal(BigDecimal::new(digits, fraction_digits - exponent))
    }
}

/// Splits a JSON number into mantissa and exponent, or `None` where the text is not one.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_ok = all_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let exponent_ok = exponent.is_none_or(|part| all_digits(part.strip_prefix(['+', '-']).unwrap_or(part)));
    (whole_ok && fraction.is_none_or(all_digits) && exponent_ok).then(|| (mantissa, exponent.unwrap_or("")))
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(left), Repr::Int(right)) => left.cmp(right),
            _ => self.to_decimal().cmp(&other.to_decimal()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Int(value) => value.hash(state),
            Repr::Decimal(value) => value.as_bigint_and_exponent().hash(state),
        }
    }
}

/// Integers in full up to 21 digits and decimals in plain notation; larger ones with an exponent. Reading it back gives the same number.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(value) => write!(f, "{value}"),
            Repr::Decimal(value) => f.write_str(&value.to_plain_string()),
        }
    }
}

impl Number {
    /// The number of a small primitive, for builtins that count.
    pub fn from_usize(value: usize) -> Self {
        i64::try_from(value).map_or_else(
            |_| {
                BigDecimal::from_usize(value)
                    .and_then(|value| Self::from_decimal(value).ok())
                    .unwrap_or(Self::from(i64::MAX))
            },
            Self::from,
        )
    }
}
