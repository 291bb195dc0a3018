//! Declarations: which of them stands where, and those that are one line.

use crate::ast::{
    Annotation, Import, Item, ItemKind, Name, Path, SchemaImport, TypeDeclaration, TypeExpr, TypeExprKind,
};
use crate::value::Value;

use super::build::Builder;
use super::grammar::{Pair, Rule};

/// A declaration, or the package clause, which stands apart in the tree.
pub(super) enum Parsed {
    Package(Path),
    Item(Box<Item>),
}

/// Documents that can be imported from.
const IMPORT_ROOTS: [&str; 4] = ["data", "input", "rego", "future"];

impl Builder<'_> {
    /// A match of `item`.
    pub(super) fn item(&mut self, pair: Pair<'_>) -> Option<Parsed> {
        let span = self.span(&pair);
        let mut annotations = Vec::new();
        let mut private = false;
        let mut kind = None;
        for part in pair.into_inner() {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::annotation => annotations.push(self.annotation(part)),
                Rule::private_mark => {
                    self.hpol_only(place, "`private`");
                    private = true;
                }
                Rule::package_clause => {
                    if let Some(Annotation { name, span, .. }) = annotations.first() {
                        let message = format!("`@{}` does not belong to a package", name.text);
                        self.error("misplaced-annotation", *span, message).help =
                            Some("annotations stand in front of decision rules and rules".into());
                    }
                    let path = part.into_inner().next().map(|path| self.path(path))?;
                    return Some(Parsed::Package(path));
                }
                _ => kind = self.item_kind(part),
            }
        }
        Some(Parsed::Item(Box::new(Item { annotations, private, kind: kind?, span })))
    }

    fn item_kind(&mut self, pair: Pair<'_>) -> Option<ItemKind> {
        Some(match pair.as_rule() {
            Rule::import_clause => self.import(pair),
            Rule::import_schema => self.import_schema(pair),
            Rule::edition_clause => self.edition(pair),
            Rule::input_clause => {
                let span = self.span(&pair);
                self.hpol_only(span, "`input:`");
                let ty = pair.into_inner().next()?;
                ItemKind::Input(self.type_expression(ty, 0))
            }
            Rule::type_declaration => self.type_declaration(pair),
            Rule::counter => self.counter(pair),
            Rule::decision => self.decision(pair),
            Rule::emit_label => self.emit_label(pair),
            Rule::test => self.test(pair),
            Rule::property => self.property(pair),
            Rule::default_rule => self.default_rule(pair),
            _ => self.rule(pair),
        })
    }

    fn annotation(&mut self, pair: Pair<'_>) -> Annotation {
        let span = self.span(&pair);
        self.hpol_only(span, "an annotation");
        let mut name = Name { text: "".into(), span };
        let mut value = None;
        for part in pair.into_inner() {
            if part.as_rule() == Rule::identifier {
                name = self.name(&part);
            } else {
                value = Some(self.expression(part, 0));
            }
        }
        Annotation { name, value, span }
    }

    fn import(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        let mut path = Path { parts: Vec::new(), span };
        let mut alias = None;
        for part in pair.into_inner() {
            if part.as_rule() == Rule::path {
                path = self.path(part);
            } else {
                alias = Some(self.name(&part));
            }
        }
        if let Some(root) = path.parts.first()
            && !IMPORT_ROOTS.contains(&&*root.text)
        {
            let (place, message) = (root.span, format!("nothing can be imported from `{}`", root.text));
            let whole = self.text_at(path.span);
            let finding = self.error("unknown-import", place, message);
            finding.help = Some("rules and documents are imported by their path below `data`".into());
            finding.fix = Some(crate::diagnostic::Fix { span: path.span, replacement: format!("data.{whole}").into() });
        }
        ItemKind::Import(Import { path, alias })
    }

    fn import_schema(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`import schema`");
        let mut schema = SchemaImport { file: "".into(), file_span: span, name: Name { text: "_".into(), span } };
        for part in pair.into_inner() {
            if part.as_rule() == Rule::identifier {
                schema.name = self.name(&part);
            } else {
                (schema.file, schema.file_span) = self.title(&part);
            }
        }
        ItemKind::ImportSchema(schema)
    }

    fn edition(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`edition`");
        let written = pair.into_inner().next().map_or("", |number| number.as_str());
        let edition = written.parse().unwrap_or_else(|_| {
            self.error("bad-edition", span, format!("`{written}` is not an edition")).help =
                Some("write `edition 1`".into());
            1
        });
        ItemKind::Edition(edition)
    }

    fn type_declaration(&mut self, pair: Pair<'_>) -> ItemKind {
        let span = self.span(&pair);
        self.hpol_only(span, "`type`");
        let mut name = Name { text: "_".into(), span };
        let mut value = TypeExpr { kind: TypeExprKind::Literal(Value::Null), span };
        for part in pair.into_inner() {
            if part.as_rule() == Rule::path {
                name = self.type_declaration_name(part);
            } else {
                value = self.type_expression(part, 0);
            }
        }
        ItemKind::Type(TypeDeclaration { name, value })
    }

    fn type_declaration_name(&mut self, pair: Pair<'_>) -> Name {
        let path = self.path(pair);
        let text = path.parts.iter().map(|part| &*part.text).collect::<Vec<_>>().join(".");
        if path.parts.len() > 1 && !self.dotted_types {
            self.error(
                "dotted-type",
                path.span,
                format!("a type is declared by a plain name, and `{text}` has a dot"),
            )
            .help = Some("names with dots are those of the gateway's own types".into());
        }
        Name { text: text.into(), span: path.span }
    }
}
