//! Demands on values: bounds, patterns, formats, and the schemas that are questions.

use std::sync::Arc;

use super::{Importer, refined};
use crate::types::{Demand, Measure, TextFormat, TextPattern, Type};
use crate::value::{Number, Value};

impl<'s> Importer<'s> {
    /// A number, with what its `format` says.
    pub(super) fn number(&mut self, ty: Type, schema: &'s Value) -> Type {
        match schema.get("format").and_then(Value::as_str) {
            Some("int32") => {
                let bounds = [
                    Demand::AtLeast(i64::from(i32::MIN).into(), true),
                    Demand::AtMost(i64::from(i32::MAX).into(), true),
                ];
                refined(ty, bounds.into())
            }
            None | Some("int64" | "float" | "double") => ty,
            Some(format) => self.unknown_format(format),
        }
    }

    /// A string, with what its `format` says.
    pub(super) fn string(&mut self, schema: &'s Value) -> Type {
        let Some(format) = schema.get("format") else { return Type::String };
        let Some(format) = format.as_str() else { return self.refuse("`format` must be a string") };
        match format {
            // By the letter it is asked of the text, as one of the demands.
            _ if self.by_letter => Type::String,
            "date-time" => Type::Time,
            "regex" => Type::Regex,
            // The kinds of numbers are told by `type`.
            "int32" | "int64" | "float" | "double" if schema.get("type").and_then(Value::as_str).is_none() => {
                Type::String
            }
            _ => match TextFormat::named(format) {
                Some(format @ (TextFormat::Ipv4 | TextFormat::Ipv6)) => refined(Type::Ip, vec![Demand::Format(format)]),
                Some(format) => refined(Type::String, vec![Demand::Format(format)]),
                None => self.unknown_format(format),
            },
        }
    }

    fn unknown_format(&mut self, format: &str) -> Type {
        self.refuse(format!("format `{format}` is not supported; write a `pattern`, or leave it out"))
    }

    /// What a schema demands beside its shape.
    pub(super) fn demands(&mut self, schema: &'s Value) -> Vec<Demand> {
        let mut demands = Vec::new();
        self.number_bounds(schema, &mut demands);
        for (measure, least, most) in [
            (Measure::Characters, "minLength", "maxLength"),
            (Measure::Items, "minItems", "maxItems"),
            (Measure::Fields, "minProperties", "maxProperties"),
        ] {
            let (least, most) = (self.size(schema, least), self.size(schema, most));
            if least.is_some() || most.is_some() {
                demands.push(Demand::Size(measure, least.unwrap_or(0), most));
            }
        }
        if let Some(pattern) = schema.get("pattern") {
            match pattern.as_str().ok_or_else(|| "`pattern` must be a string".to_owned()).and_then(TextPattern::new) {
                Ok(pattern) => demands.push(Demand::Matches(pattern)),
                Err(message) => {
                    self.refuse(message);
                }
            }
        }
        if self.by_letter
            && let Some(format) = schema.get("format").and_then(Value::as_str)
        {
            match TextFormat::named(format) {
                Some(format) => demands.push(Demand::Format(format)),
                None => {
                    self.unknown_format(format);
                }
            }
        }
        match schema.get("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => demands.push(Demand::Distinct),
            Some(_) => {
                self.refuse("`uniqueItems` must be true or false");
            }
        }
        if let Some(contains) = schema.get("contains") {
            let ty = self.question("contains", contains);
            let (least, most) = (self.size(schema, "minContains"), self.size(schema, "maxContains"));
            demands.push(Demand::Contains(Arc::new(ty), least.unwrap_or(1), most));
        }
        if let Some(names) = schema.get("propertyNames") {
            demands.push(Demand::Names(Arc::new(self.question("propertyNames", names))));
        }
        self.dependencies(schema, &mut demands);
        if let Some(not) = schema.get("not") {
            demands.push(Demand::Not(Arc::new(self.question("not", not))));
        }
        if let Some(condition) = schema.get("if") {
            let condition = self.question("if", condition);
            let mut branch = |keyword: &str| match schema.get(keyword) {
                Some(branch) => Arc::new(self.question(keyword, branch)),
                None => Arc::new(Type::Any),
            };
            let (then, otherwise) = (branch("then"), branch("else"));
            demands.push(Demand::Choice(Arc::new(condition), then, otherwise));
        }
        demands
    }

    fn number_bounds(&mut self, schema: &'s Value, demands: &mut Vec<Demand>) {
        type Make = fn(Number) -> Demand;
        let bounds: [(&str, Make); 5] = [
            ("minimum", |number| Demand::AtLeast(number, true)),
            ("exclusiveMinimum", |number| Demand::AtLeast(number, false)),
            ("maximum", |number| Demand::AtMost(number, true)),
            ("exclusiveMaximum", |number| Demand::AtMost(number, false)),
            ("multipleOf", Demand::MultipleOf),
        ];
        for (keyword, make) in bounds {
            match schema.get(keyword) {
                None => {}
                Some(Value::Number(number))
                    if keyword != "multipleOf" || (!number.is_negative() && !number.is_zero()) =>
                {
                    demands.push(make(number.clone()));
                }
                Some(_) if keyword == "multipleOf" => {
                    self.refuse("`multipleOf` must be a number above 0");
                }
                Some(_) => {
                    self.refuse(format!("`{keyword}` must be a number"));
                }
            }
        }
    }

    fn size(&mut self, schema: &'s Value, keyword: &str) -> Option<usize> {
        let value = schema.get(keyword)?;
        let size = value.as_size();
        if size.is_none() {
            self.refuse(format!("`{keyword}` must be a whole number from 0"));
        }
        size
    }
}
