//! Applies the masks of a decision to what passes.

use std::sync::Arc;

use hpol_runtime::decision::{Direction, Mask, OperatorKind, Selector};
use hpol_stdlib::detect::mask::HashKey;

pub mod document;
pub mod field;
pub mod stream;
pub mod text;
pub mod texts;

use document::CannotMask;
use field::FieldMask;
use text::TextMasks;

/// The masks of one direction.
#[derive(Debug, Clone)]
pub struct Masks {
    /// Masks of every text.
    pub texts: TextMasks,
    /// Masks of fields of a JSON body.
    pub fields: Vec<FieldMask>,
}

impl Masks {
    /// Whether nothing is to be masked.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.fields.is_empty()
    }

    /// How many texts and values came out changed so far.
    pub fn changed(&self) -> u64 {
        self.texts.changed() + self.fields.iter().map(FieldMask::changed).sum::<u64>()
    }

    /// The masks of a decision for one direction, strongest first.
    ///
    /// # Errors
    ///
    /// A mask that cannot be carried out over HTTP. The request must not pass then.
    pub fn new(masks: &[Mask], direction: Direction, key: &Arc<HashKey>) -> Result<Self, CannotMask> {
        let applies = |of: Direction| of == Direction::Any || of == direction;
        let mut texts = Vec::new();
        let mut fields = Vec::new();
        for mask in masks {
            match &mask.selector {
                Selector::Text { direction: of } if applies(*of) => texts.push(&mask.operator),
                Selector::Field { direction: of, path } if applies(*of) => {
                    let operator = &mask.operator;
                    let finds = !operator.detectors.is_empty();
                    let masks = TextMasks::new(&[operator], key)?;
                    fields.push(FieldMask::new(path, operator.kind.clone(), masks, finds)?);
                }
                Selector::Text { .. } | Selector::Field { .. } => {}
                Selector::Column { table, column } => return Err(CannotMask::Column(format!("{table}.{column}"))),
            }
        }
        fields.sort_by_key(|field: &FieldMask| strength(field.kind()));
        Ok(Self { texts: TextMasks::new(&texts, key)?, fields })
    }
}

fn strength(kind: &OperatorKind) -> u8 {
    match kind {
        OperatorKind::Drop => 0,
        OperatorKind::Constant(_) => 1,
        OperatorKind::Redact => 2,
        OperatorKind::Hash => 3,
        OperatorKind::Last(_) => 4,
    }
}
