//! Type and projection → shape.

use std::sync::Arc;

use hpol_lang::types::{Definitions, Demand, Record, Refined, Type};
use hpol_lang::value::Value;
use rustc_hash::FxHashMap;

use super::projection::Projection;
use super::shape::{Choice, FieldShape, Form, KINDS, Literals, Met, Node, NodeId, ObjectShape, Shape, Tag, UnionShape};
use super::shape::{KEEP, PASS};

/// How many nodes a shape has; what comes beyond is left to the reference.
const NODES_MAX: usize = 200_000;
/// How deep types are followed.
const DEPTH_MAX: usize = 100;
/// How many fields of an object are known by number.
const FIELDS_MAX: usize = 10_000;

impl Shape {
    /// The shape of values of a type of which a projection is read.
    ///
    /// ```
    /// use hpol_lang::types::Type;
    /// use hpol_stdlib::read::{Projection, Shape};
    /// let mut projection = Projection::default();
    /// projection.at(["user"]).slot = Some(0);
    /// let shape = Shape::new(&Type::map(Type::String), &projection);
    /// assert_eq!(shape.slots(), 1);
    /// ```
    pub fn new(ty: &Type, projection: &Projection) -> Shape {
        let any = |build| Node { form: Form::Any, slot: None, build, levels: 0, demands: Box::default() };
        let mut compiler = Compiler { nodes: vec![any(false), any(true)], known: FxHashMap::default() };
        let root = compiler.id(ty, Want::of(projection, Want::PASS, true), 0);
        let anything = |rest, rest_kept| ObjectShape {
            rest: Some(rest),
            rest_kept,
            names_are_text: false,
            ..ObjectShape::new(Vec::new())
        };
        let (passed, kept) = (anything(PASS, false), anything(KEEP, true));
        let mut nodes = compiler.nodes;
        let names = number_names(&mut nodes);
        Shape { nodes, root, slots: projection.slots(), names, passed, kept }
    }
}

/// What is wanted of a value.
#[derive(Debug, Clone, Copy)]
struct Want<'p> {
    projection: Option<&'p Projection>,
    slot: Option<u32>,
    /// Whether all parts are kept, if the value is.
    whole: bool,
    /// Whether the value is kept: in a slot, or in a value that is.
    build: bool,
    /// Whether something stands for it there, if it is not.
    stands: bool,
    /// Whether slots count: not within elements.
    slots: bool,
}

impl<'p> Want<'p> {
    const PASS: Self = Self { projection: None, slot: None, whole: false, build: false, stands: false, slots: true };
    const KEEP: Self = Self { whole: true, build: true, ..Self::PASS };

    /// What is wanted of a part of a value.
    fn of(projection: &'p Projection, around: Want<'p>, slots: bool) -> Self {
        let slot = projection.slot.filter(|_| slots);
        let leaf = projection.fields.is_empty() && projection.elements.is_none();
        let within = around.build && around.whole;
        let stands = leaf && projection.presence && !projection.whole && !within;
        let build = (around.build && !stands) || (slot.is_some() && !projection.presence);
        let whole = build && (within || projection.whole || leaf);
        Self { projection: Some(projection).filter(|_| !leaf), slot, whole, build, stands, slots }
    }

    fn in_place(self) -> Self {
        Self { slot: None, ..self }
    }

    /// Whether the object around a field has it.
    fn is_kept(self) -> bool {
        self.build || self.stands
    }

    /// Whether fields that are not named are kept.
    fn keeps_rest(self) -> bool {
        self.build && (self.whole || self.projection.is_none_or(|projection| projection.fields.is_empty()))
    }

    fn rest(self) -> Self {
        if self.keeps_rest() { Self::KEEP } else { Self::PASS }
    }

    fn field(self, name: &str) -> Self {
        match self.projection.and_then(|projection| projection.fields.get(name)) {
            Some(projection) => Self::of(projection, Self { whole: self.keeps_rest(), ..self }, self.slots),
            None => self.rest(),
        }
    }

    fn element(self) -> Self {
        if !self.build {
            return Self::PASS;
        }
        match self.projection.and_then(|projection| projection.elements.as_deref()) {
            Some(elements) if !self.whole => Self::of(elements, Self { whole: false, ..self }, false),
            _ => Self::KEEP,
        }
    }

    /// Names that the type need not know.
    fn names(self) -> impl Iterator<Item = &'p Arc<str>> {
        self.projection.into_iter().flat_map(|projection| projection.fields.keys())
    }
}

#[derive(Debug)]
struct Compiler {
    nodes: Vec<Node>,
    /// Recursive types that nothing or everything is wanted of: by list, number and whether they are kept.
    known: FxHashMap<(*const Definitions, u32, bool), NodeId>,
}

impl Compiler {
    fn id(&mut self, ty: &Type, want: Want<'_>, depth: usize) -> NodeId {
        if want.projection.is_none() && want.slot.is_none() {
            match ty {
                Type::Any => return if want.build { KEEP } else { PASS },
                Type::Recursive(definitions, at) => {
                    let key = (Arc::as_ptr(definitions), *at, want.build);
                    if let Some(known) = self.known.get(&key) {
                        return *known;
                    }
                    let id = self.reserve();
                    self.known.insert(key, id);
                    return self.put(id, ty, want, depth);
                }
                _ => {}
            }
        }
        let id = self.reserve();
        self.put(id, ty, want, depth)
    }

    /// A node that is filled later.
    fn reserve(&mut self) -> NodeId {
        let id = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        self.nodes.push(node(Form::Any, Want::PASS));
        id
    }

    fn put(&mut self, id: NodeId, ty: &Type, want: Want<'_>, depth: usize) -> NodeId {
        let made = self.node(ty, want, depth);
        if let Some(place) = self.nodes.get_mut(id as usize) {
            *place = made;
        }
        id
    }

    fn node(&mut self, ty: &Type, want: Want<'_>, depth: usize) -> Node {
        if depth > DEPTH_MAX || self.nodes.len() > NODES_MAX {
            return self.slow(ty, want);
        }
        match ty {
            Type::Any => self.any(want, depth),
            // They stand for themselves.
            Type::Null => node(Form::Null, Want { build: want.is_kept(), ..want }),
            Type::Bool => node(Form::Bool, Want { build: want.is_kept(), ..want }),
            Type::Int => node(Form::Int, want),
            Type::Decimal => node(Form::Decimal, want),
            Type::String => node(Form::String, want),
            Type::Time => node(Form::Time, want),
            Type::Duration => node(Form::Duration, want),
            Type::Ip | Type::Cidr | Type::Regex | Type::Glob => node(Form::Text(ty.clone()), want),
            Type::Literal(value) if is_scalar(value) => {
                node(Form::Literals(Box::new(Literals::of(std::iter::once(value)))), want)
            }
            Type::Array(items) => {
                let items = self.id(items, want.element(), depth + 1);
                node(Form::Array(items), want)
            }
            Type::Tuple(items) => {
                let items = items.iter().map(|ty| self.id(ty, want.element(), depth + 1)).collect();
                node(Form::Tuple(items), want)
            }
            Type::Set(_) if want.names().next().is_some() => self.slow(ty, want),
            Type::Set(items) => {
                let items = self.id(items, if want.build { Want::KEEP } else { Want::PASS }, depth + 1);
                node(Form::Set(items), want)
            }
            Type::Map(name, member) => self.map(ty, name, member, want, depth),
            Type::Record(record) => self.record(ty, record, want, depth),
            Type::Union(members) => self.union(ty, members, want, depth),
            Type::Refined(refined) => self.refined(ty, refined, want, depth),
            Type::Recursive(..) => {
                let mut made = self.node(&ty.unfolded(), want, depth + 1);
                made.levels += 1;
                made
            }
            Type::Never | Type::Literal(_) | Type::Variable(_) | Type::Defined(_) => self.slow(ty, want),
        }
    }

    /// What the reference checks.
    fn slow(&mut self, ty: &Type, want: Want<'_>) -> Node {
        let kept = self.any(want.in_place(), 0);
        let id = self.reserve();
        if let Some(place) = self.nodes.get_mut(id as usize) {
            *place = kept;
        }
        node(Form::Slow(Box::new(ty.clone()), id), want)
    }

    /// Values of which the type says nothing, told apart by their kind where the projection looks into them.
    fn any(&mut self, want: Want<'_>, depth: usize) -> Node {
        let Some(projection) = want.projection else { return node(Form::Any, want) };
        let scalar = if want.build { KEEP } else { PASS };
        let mut by_kind = [Choice::Node(scalar); KINDS];
        let mut choose = |met: Met, id: Option<NodeId>| {
            if let Some(choice) = by_kind.get_mut(met as usize) {
                *choice = id.map_or(Choice::Nothing, Choice::Node);
            }
        };
        if !projection.fields.is_empty() {
            // A path into a set asks for an element, which only the reference can answer.
            choose(Met::Set, None);
            let object = ObjectShape { names_are_text: false, ..self.open(&Type::Any, Vec::new(), want, depth) };
            choose(Met::Object, Some(self.add(node(Form::Object(Box::new(object)), want.in_place()))));
        }
        if projection.elements.is_some() && want.build && !want.whole {
            let items = self.id(&Type::Any, want.element(), depth + 1);
            choose(Met::Array, Some(self.add(node(Form::Array(items), want.in_place()))));
        }
        node(Form::Union(Box::new(UnionShape { by_kind, members: 0, tag: None })), want)
    }

    fn add(&mut self, made: Node) -> NodeId {
        let id = self.reserve();
        if let Some(place) = self.nodes.get_mut(id as usize) {
            *place = made;
        }
        id
    }

    /// An object with fields that its type does not name, beside those that it does.
    fn open(&mut self, others: &Type, mut fields: Vec<FieldShape>, want: Want<'_>, depth: usize) -> ObjectShape {
        for name in want.names() {
            if fields.iter().all(|field| *field.name != **name) {
                let wanted = want.field(name);
                let id = self.id(others, wanted, depth + 1);
                fields.push(FieldShape::new(name, id, false, want.build && wanted.is_kept()));
            }
        }
        fields.sort_by(|left, right| left.name.cmp(&right.name));
        let rest = self.id(others, want.rest(), depth + 1);
        ObjectShape { rest: Some(rest), rest_kept: want.keeps_rest(), ..ObjectShape::new(fields) }
    }

    fn map(&mut self, ty: &Type, name: &Type, member: &Type, want: Want<'_>, depth: usize) -> Node {
        let checked = match name {
            Type::Any | Type::String => None,
            name => {
                let id = self.id(name, Want::PASS, depth + 1);
                let of_text = matches!(
                    self.nodes.get(id as usize).map(|node| &node.form),
                    Some(Form::String | Form::Text(_) | Form::Literals(_))
                );
                if !of_text {
                    return self.slow(ty, want);
                }
                Some(id)
            }
        };
        let object = self.open(member, Vec::new(), want, depth);
        let names_are_text = !matches!(name, Type::Any);
        node(Form::Object(Box::new(ObjectShape { name: checked, names_are_text, ..object })), want)
    }

    fn record(&mut self, ty: &Type, record: &Record, want: Want<'_>, depth: usize) -> Node {
        let patterns = record.rest.as_ref().is_some_and(|rest| !rest.patterns.is_empty());
        if patterns || record.fields.len() > FIELDS_MAX || want.names().count() > FIELDS_MAX {
            return self.slow(ty, want);
        }
        let mut fields = Vec::with_capacity(record.fields.len());
        for (name, field) in &record.fields {
            let wanted = want.field(name);
            let id = self.id(&field.ty, wanted, depth + 1);
            fields.push(FieldShape::new(name, id, !field.optional, want.build && wanted.is_kept()));
        }
        let others = record.rest.as_ref().and_then(|rest| rest.others.as_ref());
        let object = match others {
            Some(others) => self.open(others, fields, want, depth),
            None if record.open => self.open(&Type::Any, fields, want, depth),
            None => ObjectShape::new(fields),
        };
        node(Form::Object(Box::new(object)), want)
    }

    fn refined(&mut self, ty: &Type, refined: &Refined, want: Want<'_>, depth: usize) -> Node {
        if !refined.demands.iter().all(Demand::is_simple) {
            return self.slow(ty, want);
        }
        let base = match &refined.base {
            recursive @ Type::Recursive(..) => &recursive.unfolded(),
            base => base,
        };
        if let Type::Union(members) = base {
            // Simple demands look at the value alone, so each type of the union may ask for them.
            let demanding = |member: &Type| {
                Type::Refined(Arc::new(Refined { base: member.clone(), demands: refined.demands.clone() }))
            };
            let members: Vec<Type> = members.iter().map(demanding).collect();
            let mut made = self.union(ty, &members, want, depth + 1);
            made.levels += 1;
            return made;
        }
        let mut made = self.node(base, want, depth + 1);
        if matches!(made.form, Form::Any | Form::Union(_) | Form::Slow(..)) {
            return self.slow(ty, want);
        }
        // One more than needed where the base was unfolded here: too many levels only lead to the reference.
        made.levels += 2;
        made.demands = made.demands.iter().chain(&refined.demands).cloned().collect();
        made
    }

    fn union(&mut self, ty: &Type, members: &[Type], want: Want<'_>, depth: usize) -> Node {
        let inner = want.in_place();
        let literals: Vec<&Value> = members.iter().filter_map(scalar_literal).collect();
        let mut candidates: Vec<(u8, NodeId, &Type)> = Vec::new();
        if let Some(first) = members.iter().find(|member| scalar_literal(member).is_some()) {
            let kinds = literals.iter().fold(0, |kinds, value| kinds | 1 << Met::of(value) as u8);
            let literals = node(Form::Literals(Box::new(Literals::of(literals.into_iter()))), inner);
            candidates.push((kinds, self.add(literals), first));
        }
        for member in members.iter().filter(|member| scalar_literal(member).is_none()) {
            candidates.push((kinds(member, 0), self.id(member, inner, depth + 1), member));
        }
        let mut by_kind = [Choice::Nothing; KINDS];
        let (mut tag, mut slow) = (None, None);
        for (kind, choice) in by_kind.iter_mut().enumerate() {
            let of_kind: Vec<&(u8, NodeId, &Type)> =
                candidates.iter().filter(|(kinds, ..)| kinds >> kind & 1 == 1).collect();
            *choice = match of_kind.as_slice() {
                [] => Choice::Nothing,
                [(_, id, _)] => Choice::Node(*id),
                several => {
                    let reference = slow.unwrap_or_else(|| {
                        let made = self.slow(ty, inner);
                        self.add(made)
                    });
                    slow = Some(reference);
                    let of_objects = kind == Met::Object as usize;
                    match tag_of(several, reference).filter(|_| of_objects) {
                        Some(found) => {
                            tag = Some(found);
                            Choice::Tagged
                        }
                        None => Choice::Node(reference),
                    }
                }
            };
        }
        node(Form::Union(Box::new(UnionShape { by_kind, members: members.len(), tag })), want)
    }
}

/// Numbers the names of fields that are kept in objects, equal names by the same number; how many there are.
fn number_names(nodes: &mut [Node]) -> usize {
    let mut names: FxHashMap<Box<str>, usize> = FxHashMap::default();
    for node in nodes {
        let Form::Object(object) = &mut node.form else { continue };
        for field in object.fields.iter_mut().filter(|field| field.kept) {
            let next = names.len();
            field.name_word = *names.entry(field.name.clone()).or_insert(next);
        }
    }
    names.len()
}

fn node(form: Form, want: Want<'_>) -> Node {
    Node { form, slot: want.slot, build: want.build, levels: 0, demands: Box::default() }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn scalar_literal(ty: &Type) -> Option<&Value> {
    if let Type::Literal(value) = ty { Some(value).filter(|value| is_scalar(value)) } else { None }
}

/// The kinds of values that could be of a type, a bit each.
fn kinds(ty: &Type, depth: usize) -> u8 {
    let bit = |met: Met| 1 << met as u8;
    match ty {
        Type::Any | Type::Variable(_) | Type::Defined(_) => u8::MAX,
        Type::Never => 0,
        Type::Null => bit(Met::Null),
        Type::Bool => bit(Met::Bool),
        Type::Int | Type::Decimal => bit(Met::Number),
        Type::Time | Type::Duration => bit(Met::Number) | bit(Met::String),
        Type::String | Type::Ip | Type::Cidr | Type::Regex | Type::Glob => bit(Met::String),
        Type::Literal(value) => bit(Met::of(value)),
        Type::Array(_) | Type::Tuple(_) => bit(Met::Array),
        Type::Set(_) => bit(Met::Array) | bit(Met::Set),
        Type::Map(..) | Type::Record(_) => bit(Met::Object),
        Type::Union(members) => members.iter().fold(0, |all, member| all | kinds(member, depth + 1)),
        Type::Refined(refined) => kinds(&refined.base, depth + 1),
        Type::Recursive(..) if depth < 8 => kinds(&ty.unfolded(), depth + 1),
        Type::Recursive(..) => u8::MAX,
    }
}

/// The field that tells records apart: each allows one text there, and no two the same.
fn tag_of(candidates: &[&(u8, NodeId, &Type)], reference: NodeId) -> Option<Tag> {
    let text_of = |ty: &Type, name: &str| -> Option<Box<str>> {
        let Type::Record(record) = ty else { return None };
        let field = record.fields.get(name).filter(|field| !field.optional)?;
        scalar_literal(&field.ty).and_then(Value::as_str).map(Box::from)
    };
    let Some((_, _, Type::Record(first))) = candidates.first() else { return None };
    first.fields.keys().find_map(|name| {
        let mut values: Vec<(Box<str>, NodeId)> =
            candidates.iter().map(|(_, id, ty)| Some((text_of(ty, name)?, *id))).collect::<Option<_>>()?;
        values.sort();
        let distinct = values.windows(2).all(|pair| matches!(pair, [left, right] if left.0 != right.0));
        distinct.then(|| Tag { name: (**name).into(), values: values.into(), reference })
    })
}
