//! Arrays: `items`, `prefixItems`.

use std::sync::Arc;

use super::{Importer, refined};
use crate::types::{Demand, Measure, Type};
use crate::value::Value;

impl<'s> Importer<'s> {
    /// What a schema says about arrays.
    pub(super) fn array(&mut self, schema: &'s Value) -> Type {
        let prefix = match schema.get("prefixItems") {
            Some(Value::Array(prefix)) => self.within("prefixItems", |importer| importer.indexed(prefix)),
            Some(_) => return self.refuse("`prefixItems` must be an array"),
            None => Vec::new(),
        };
        let rest = match (schema.get("items"), schema.get("unevaluatedItems")) {
            (Some(Value::Array(_)), _) => {
                return self.refuse("`items` is one schema; write `prefixItems` for a list of schemas");
            }
            (Some(items), _) => self.under("items", items),
            (None, Some(others)) => {
                let evaluates = ["allOf", "anyOf", "oneOf", "$ref", "contains", "if"];
                if evaluates.iter().any(|keyword| schema.get(keyword).is_some()) {
                    return self.refuse("`unevaluatedItems` beside other schemas is not supported; write `items`");
                }
                self.under("unevaluatedItems", others)
            }
            (None, None) if prefix.is_empty() || self.by_letter => Type::Any,
            (None, None) => Type::Never,
        };
        if prefix.is_empty() {
            return Type::array(rest);
        }
        let least = schema.get("minItems").and_then(Value::as_size).unwrap_or(0);
        if rest == Type::Never && least >= prefix.len() {
            return Type::Tuple(prefix.into());
        }
        let mut demands = Vec::new();
        if rest == Type::Never {
            demands.push(Demand::Size(Measure::Items, 0, Some(prefix.len())));
        }
        let items = Type::union(prefix.iter().cloned().chain([rest.clone()]));
        demands.push(Demand::Items(prefix.into(), Arc::new(rest)));
        refined(Type::array(items), demands)
    }
}
