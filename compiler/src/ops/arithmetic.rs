//! Arithmetic on exact numbers, and set operations.

use hpol_lang::value::{Number, NumberError};
use hpol_stdlib::heap::{View, Word};

use crate::context::{Context, Stop, codes};
use crate::plan::{ArithmeticOperator, OnError, PlaceId, SetOperator, SiteId};

/// What an operation does when it has no result.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Whether its error stops, or counts as absent.
    pub on_error: OnError,
    /// What is absent then.
    pub site: SiteId,
    /// The place that the error names.
    pub place: PlaceId,
}

impl Context {
    /// Arithmetic; with `checked`, a result beyond 64-bit integers is an error.
    ///
    /// # Errors
    ///
    /// [`Stop`] for operands of the wrong type, division by zero and overflow, unless they count as absent.
    pub fn arithmetic(
        &mut self,
        operator: ArithmeticOperator,
        left: Word,
        right: Word,
        checked: bool,
        failure: Failure,
    ) -> Result<Word, Stop> {
        if let (Some(left), Some(right)) = (left.small_int(), right.small_int())
            && let Some(word) = small_arithmetic(operator, left, right)
        {
            return Ok(word);
        }
        if operator == ArithmeticOperator::Subtract
            && let (View::Set(_), View::Set(_)) = (self.heap.view(left), self.heap.view(right))
        {
            return self.set_difference(left, right, failure.place);
        }
        let Some(left_number) = self.heap.as_number(left) else {
            return self.wrong_operand(symbol(operator), 1, "number", left, failure);
        };
        let Some(right_number) = self.heap.as_number(right) else {
            return self.wrong_operand(symbol(operator), 2, "number", right, failure);
        };
        let result = match operator {
            ArithmeticOperator::Add => left_number.add(&right_number),
            ArithmeticOperator::Subtract => left_number.subtract(&right_number),
            ArithmeticOperator::Multiply => left_number.multiply(&right_number),
            ArithmeticOperator::Divide => left_number.divide(&right_number),
            ArithmeticOperator::Remainder => left_number.remainder(&right_number),
        };
        match result {
            Ok(number) => self.checked_number(number, checked, failure),
            Err(error) => {
                let message = match error {
                    NumberError::DivideByZero => "divide by zero".to_owned(),
                    NumberError::NotInteger => "modulo on floating-point number".to_owned(),
                    NumberError::Syntax | NumberError::TooLong => error.to_string(),
                };
                self.no_result(codes::BUILTIN, message, failure)
            }
        }
    }

    fn checked_number(&mut self, number: Number, checked: bool, failure: Failure) -> Result<Word, Stop> {
        if checked && number.as_i64().is_none() {
            let message = format!("`{number}` does not fit a 64-bit int; use a decimal if that is meant");
            return Err(self.stop(codes::OVERFLOW, message, failure.place));
        }
        let made = self.heap.number(number);
        self.made(made, failure.place)
    }

    /// Union or intersection of two sets.
    ///
    /// # Errors
    ///
    /// [`Stop`] for operands that are no sets, unless that counts as absent.
    pub fn set_operation(
        &mut self,
        operator: SetOperator,
        left: Word,
        right: Word,
        failure: Failure,
    ) -> Result<Word, Stop> {
        let name = match operator {
            SetOperator::Union => "|",
            SetOperator::Intersection => "&",
        };
        let (View::Set(left_items), View::Set(right_items)) = (self.heap.view(left), self.heap.view(right)) else {
            let (position, operand) = if matches!(self.heap.view(left), View::Set(_)) { (2, right) } else { (1, left) };
            return self.wrong_operand(name, position, "set", operand, failure);
        };
        let items = match operator {
            SetOperator::Union => left_items.iter().chain(right_items).copied().collect(),
            SetOperator::Intersection => {
                left_items.iter().copied().filter(|item| self.heap.contains(right, *item) == Some(true)).collect()
            }
        };
        self.charge_weight(left, failure.place)?;
        self.charge_weight(right, failure.place)?;
        let set = self.heap.set(items);
        self.made(set, failure.place)
    }

    fn set_difference(&mut self, left: Word, right: Word, place: PlaceId) -> Result<Word, Stop> {
        self.charge_weight(left, place)?;
        self.charge_weight(right, place)?;
        let items = self.heap.elements(left).unwrap_or_default().iter().copied();
        let items = items.filter(|item| self.heap.contains(right, *item) != Some(true)).collect();
        let set = self.heap.set(items);
        self.made(set, place)
    }

    fn wrong_operand(
        &mut self,
        operator: &str,
        position: u32,
        wanted: &str,
        operand: Word,
        failure: Failure,
    ) -> Result<Word, Stop> {
        let found = Self::type_name(operand);
        let message = format!("`{operator}`: operand {position} must be {wanted} but got {found}");
        self.no_result(codes::TYPE, message, failure)
    }

    /// Stops with the error, or marks its absence and fails.
    pub(super) fn no_result(&mut self, code: &'static str, message: String, failure: Failure) -> Result<Word, Stop> {
        match failure.on_error {
            OnError::Stop => Err(self.stop(code, message, failure.place)),
            OnError::Absent => {
                self.mark(failure.site);
                Ok(Word::ABSENT)
            }
        }
    }
}

/// The result on small integers where it is one again.
pub(crate) fn small_arithmetic(operator: ArithmeticOperator, left: i64, right: i64) -> Option<Word> {
    let result = match operator {
        ArithmeticOperator::Add => left.checked_add(right),
        ArithmeticOperator::Subtract => left.checked_sub(right),
        ArithmeticOperator::Multiply => left.checked_mul(right),
        ArithmeticOperator::Divide if right != 0 && left % right == 0 => left.checked_div(right),
        ArithmeticOperator::Divide => None,
        ArithmeticOperator::Remainder => left.checked_rem(right),
    };
    result.and_then(Word::from_small_int)
}

fn symbol(operator: ArithmeticOperator) -> &'static str {
    match operator {
        ArithmeticOperator::Add => "+",
        ArithmeticOperator::Subtract => "-",
        ArithmeticOperator::Multiply => "*",
        ArithmeticOperator::Divide => "/",
        ArithmeticOperator::Remainder => "%",
    }
}
