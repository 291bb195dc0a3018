//! A draft of the input's type, from what the rules read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::{BinaryOperator, Condition, ConditionKind, Expr, ExprKind, Item, Module, Step, is_identifier};
use crate::types::{Environment, Type};
use crate::value::Value;

/// How deep fields are followed.
const DEPTH_MAX: usize = 16;
/// How many fields one record may have.
const FIELDS_MAX: usize = 500;

/// What is known of a value.
#[derive(Debug, Default)]
struct Shape {
    fields: BTreeMap<Arc<str>, Shape>,
    items: Option<Box<Shape>>,
    scalars: BTreeSet<&'static str>,
}

/// A place in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Field(Arc<str>),
    Item,
}

type Place = Vec<Part>;

/// The type as text.
pub(super) fn input_type(module: &Module, environment: &Environment) -> String {
    let mut root = Shape::default();
    for item in &module.items {
        Reader { environment, names: BTreeMap::new(), imports: imports(module), root: &mut root }.item(item);
    }
    match root.written(0).as_str() {
        "any" => "open {}".to_owned(),
        written => written.to_owned(),
    }
}

/// Names that stand for a place in the input in the whole file.
fn imports(module: &Module) -> BTreeMap<Arc<str>, Place> {
    let mut names = BTreeMap::new();
    for item in &module.items {
        if let crate::ast::ItemKind::Import(import) = &item.kind
            && let Some((first, rest)) = import.path.parts.split_first()
            && &*first.text == "input"
            && let Some(name) = import.alias.as_ref().or_else(|| rest.last())
        {
            names.insert(name.text.clone(), rest.iter().map(|part| Part::Field(part.text.clone())).collect());
        }
    }
    names
}

struct Reader<'r> {
    environment: &'r Environment,
    /// Variables that stand for a place.
    names: BTreeMap<Arc<str>, Place>,
    imports: BTreeMap<Arc<str>, Place>,
    root: &'r mut Shape,
}

impl Reader<'_> {
    fn item(&mut self, item: &Item) {
        // Conditions may stand in any order, so that names are collected until there are no more.
        for _ in 0..4 {
            let known = self.names.len();
            super::walk_conditions(item, &mut |condition| self.bind(condition));
            if self.names.len() == known {
                break;
            }
        }
        super::walk_conditions(item, &mut |condition| self.condition(condition));
        super::walk_item(item, &mut |expr| self.expr(expr));
    }

    fn bind(&mut self, condition: &Condition) {
        match &condition.kind {
            ConditionKind::SomeIn { value, collection, .. } => {
                if let (ExprKind::Variable(name), Some(mut place)) = (&value.kind, self.place(collection)) {
                    place.push(Part::Item);
                    self.names.entry(name.clone()).or_insert(place);
                }
            }
            ConditionKind::Every { value, collection, .. } => {
                if let Some(mut place) = self.place(collection) {
                    place.push(Part::Item);
                    self.names.entry(value.text.clone()).or_insert(place);
                }
            }
            ConditionKind::Expr(Expr {
                kind: ExprKind::Binary(BinaryOperator::Assign | BinaryOperator::Unify, left, right),
                ..
            }) => {
                if let (ExprKind::Variable(name), Some(place)) = (&left.kind, self.place(right)) {
                    self.names.entry(name.clone()).or_insert(place);
                }
            }
            _ => {}
        }
    }

    /// A value that stands as a condition of its own is a yes or a no, if nothing else is known of it.
    fn condition(&mut self, condition: &Condition) {
        match &condition.kind {
            ConditionKind::Expr(expr) => {
                if let Some(place) = self.place(expr) {
                    self.note(&place, "bool?");
                }
            }
            ConditionKind::SomeIn { collection, .. } | ConditionKind::Every { collection, .. } => {
                if let Some(mut place) = self.place(collection) {
                    place.push(Part::Item);
                    self.shape(&place);
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        if let Some(place) = self.place(expr) {
            self.shape(&place);
        }
        match &expr.kind {
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExprKind::Membership { value, collection, .. } => {
                if let Some(place) = self.place(value) {
                    for item in elements(collection) {
                        self.note_literal(&place, item);
                    }
                }
                if let Some(mut place) = self.place(collection) {
                    place.push(Part::Item);
                    self.shape(&place);
                    self.note_literal(&place, value);
                }
            }
            ExprKind::Call { function, arguments } => {
                let Some(builtin) = self.environment.builtins.get(super::called(function).as_str()) else { return };
                for (argument, ty) in arguments.iter().zip(&builtin.signature.parameters) {
                    if let Some(place) = self.place(argument) {
                        self.note_type(place, ty);
                    }
                }
            }
            _ => {}
        }
    }

    fn binary(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr) {
        use BinaryOperator as Is;

        for (side, other) in [(left, right), (right, left)] {
            let Some(place) = self.place(side) else { continue };
            match operator {
                Is::Add | Is::Multiply | Is::Divide | Is::Remainder => self.note(&place, "decimal"),
                Is::Equal | Is::NotEqual | Is::Less | Is::LessEqual | Is::Greater | Is::GreaterEqual | Is::Unify => {
                    self.note_literal(&place, other);
                }
                Is::Assign | Is::Or | Is::And | Is::Union | Is::Intersection | Is::Subtract => {}
            }
        }
    }

    fn note_literal(&mut self, place: &Place, expr: &Expr) {
        let ExprKind::Literal { value, .. } = &expr.kind else { return };
        let ty = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "decimal",
            Value::String(_) => "string",
            Value::Null => "null",
            _ => return,
        };
        self.note(place, ty);
    }

    fn note_type(&mut self, mut place: Place, ty: &Type) {
        match ty {
            Type::String | Type::Regex | Type::Glob | Type::Cidr | Type::Ip => self.note(&place, "string"),
            Type::Int | Type::Decimal => self.note(&place, "decimal"),
            Type::Bool => self.note(&place, "bool"),
            Type::Array(items) => {
                place.push(Part::Item);
                self.shape(&place);
                let items = items.clone();
                self.note_type(place, &items);
            }
            _ => {}
        }
    }

    fn note(&mut self, place: &Place, ty: &'static str) {
        if let Some(shape) = self.shape(place) {
            shape.scalars.insert(ty);
        }
    }

    /// What is known of a place.
    fn shape(&mut self, place: &Place) -> Option<&mut Shape> {
        let mut shape = &mut *self.root;
        for part in place.iter().take(DEPTH_MAX) {
            shape = match part {
                Part::Item => shape.items.get_or_insert_default(),
                Part::Field(name) => {
                    if shape.fields.len() >= FIELDS_MAX {
                        return None;
                    }
                    shape.fields.entry(name.clone()).or_default()
                }
            };
        }
        Some(shape)
    }

    fn place(&self, expr: &Expr) -> Option<Place> {
        match &expr.kind {
            ExprKind::Parenthesized(inner) => self.place(inner),
            ExprKind::Variable(name) if &**name == "input" => Some(Vec::new()),
            ExprKind::Variable(name) => self.names.get(name).or_else(|| self.imports.get(name)).cloned(),
            ExprKind::Reference(reference) => {
                let mut place = self.place(&reference.head)?;
                for step in &reference.steps {
                    place.push(match step {
                        Step::Field(name) => Part::Field(name.text.clone()),
                        Step::Index(Expr { kind: ExprKind::Literal { value: Value::String(name), .. }, .. }) => {
                            Part::Field(name.clone())
                        }
                        Step::Index(_) => Part::Item,
                    });
                }
                Some(place)
            }
            _ => None,
        }
    }
}

/// The elements of a collection that is written out.
fn elements(expr: &Expr) -> &[Expr] {
    match &expr.kind {
        ExprKind::Array(items) | ExprKind::Set(items) => items,
        _ => &[],
    }
}

impl Shape {
    fn written(&self, depth: usize) -> String {
        let scalars: Vec<&str> = self.scalars.iter().copied().filter(|ty| *ty != "bool?").collect();
        match (&self.items, self.fields.is_empty(), scalars.as_slice()) {
            (None, true, []) if self.scalars.contains("bool?") => "bool".to_owned(),
            (None, true, []) => "any".to_owned(),
            (None, true, scalars) => scalars.join(" | "),
            (Some(items), true, []) => format!("array[{}]", items.written(depth + 1)),
            (None, false, []) => {
                let indent = "  ".repeat(depth + 1);
                let fields = self.fields.iter().filter(|(name, _)| is_identifier(name));
                let fields: Vec<String> =
                    fields.map(|(name, shape)| format!("{indent}{name}: {}", shape.written(depth + 1))).collect();
                format!("open {{\n{},\n{}}}", fields.join(",\n"), "  ".repeat(depth))
            }
            // Fields and elements, or fields and a plain value: no type says that.
            _ => "any".to_owned(),
        }
    }
}
