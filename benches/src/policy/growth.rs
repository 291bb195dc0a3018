//! Policies of any size, for finding out how the time of a decision grows with sets and with requests.

use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Cedar, CedarRequest, Cel, Earlier, Policy, Rego, list, number, text};
use crate::answer::Answer;

/// A set of names that are refused.
#[derive(Debug)]
pub struct Names {
    size: usize,
    names: HashSet<String>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Caller {
    name: String,
}

impl Names {
    /// A set of so many names.
    pub fn new(size: usize) -> Self {
        Self { size, names: (0..size).map(|at| format!("n{at}")).collect() }
    }

    fn written(&self, open: &str, close: &str) -> String {
        let names: Vec<String> = (0..self.size).map(|at| format!("\"n{at}\"")).collect();
        format!("{open}{}{close}", names.join(","))
    }
}

impl Policy for Names {
    type Request = Caller;

    fn name(&self) -> String {
        format!("names_{}", self.size)
    }

    fn title(&self) -> String {
        format!("set of {} names", self.size)
    }

    fn kind(&self) -> &'static str {
        "Caller"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let names = self.written("{", "}");
        let policy = format!(
            "package bench.policy\n\ninput: Caller\n\ntype Caller = {{name: string}}\n\nallow \"others\"\n\ndeny \"listed\" if input.name in {names}\n"
        );
        vec![("bench/policy.hpol".to_owned(), policy)]
    }

    fn rego(&self) -> Option<Rego> {
        let names: Map<String, Value> = (0..self.size).map(|at| (format!("n{at}"), json!(true))).collect();
        let module = "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if data.names[input.name]\n\n\
                      notes contains \"listed\" if effect == \"deny\"\n\nanswer := {\"effect\": effect, \"notes\": notes}\n";
        Some(Rego { module: module.to_owned(), data: json!({"names": names}) })
    }

    fn cedar(&self) -> Option<Cedar> {
        let names = self.written("[", "]");
        let policies = format!(
            "permit(principal, action, resource);\nforbid(principal, action, resource) when {{ {names}.contains(context.name) }};\n"
        );
        let request = |request: &Value| CedarRequest::context(request.clone());
        Some(Cedar { policies, entities: json!([]), request })
    }

    fn cel(&self) -> Option<Cel> {
        let names: Map<String, Value> = (0..self.size).map(|at| (format!("n{at}"), json!(true))).collect();
        let deny = vec!["input.name in data.names".to_owned()];
        Some(Cel { allow: Vec::new(), deny, data: json!({"names": names}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16)
            .map(|at| {
                let name = random.usize(..self.size);
                json!({"name": if at % 2 == 0 { format!("n{name}") } else { format!("x{name}") }})
            })
            .collect()
    }

    fn typed(&self, request: &Caller, _: &Earlier) -> Answer {
        listed(self.names.contains(&request.name))
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        listed(self.names.contains(text(request, "name")))
    }
}

fn listed(listed: bool) -> Answer {
    if listed { Answer::deny(vec!["listed".into()]) } else { Answer::allow() }
}

/// A request with a list that is looked through.
#[derive(Debug)]
pub struct Items {
    size: usize,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Order {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    price: i64,
}

impl Items {
    /// Requests with so many items.
    pub fn new(size: usize) -> Self {
        Self { size }
    }
}

impl Policy for Items {
    type Request = Order;

    fn name(&self) -> String {
        format!("items_{}", self.size)
    }

    fn title(&self) -> String {
        format!("list of {} items in the request", self.size)
    }

    fn kind(&self) -> &'static str {
        "Order"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let policy = "package bench.policy\n\ninput: Order\n\ntype Order = {items: array[{name: string, price: int}]}\n\nallow \"orders\"\n\n\
                      deny \"dear\" if {\n  some item in input.items\n  item.price > 900\n}\n";
        vec![("bench/policy.hpol".to_owned(), policy.to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        let module = "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if {\n\tsome item in input.items\n\titem.price > 900\n}\n\n\
                      notes contains \"dear\" if effect == \"deny\"\n\nanswer := {\"effect\": effect, \"notes\": notes}\n";
        Some(Rego { module: module.to_owned(), data: json!({}) })
    }

    fn cel(&self) -> Option<Cel> {
        let deny = vec!["input.items.exists(item, item.price > 900)".to_owned()];
        Some(Cel { allow: Vec::new(), deny, data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        let mut item = |at: usize| json!({"name": format!("item-{at}"), "price": random.i64(1..900)});
        (0..2).map(|_| json!({"items": (0..self.size).map(&mut item).collect::<Vec<_>>()})).collect()
    }

    fn further_requests(&self, _: &mut Rng) -> Vec<Value> {
        let item = |at: usize| json!({"name": "item", "price": if at + 1 == self.size { 901 } else { 900 }});
        vec![json!({"items": (0..self.size).map(item).collect::<Vec<_>>()})]
    }

    fn typed(&self, order: &Order, _: &Earlier) -> Answer {
        dear(order.items.iter().any(|item| item.price > 900))
    }

    fn untyped(&self, order: &Value, _: &Earlier) -> Answer {
        dear(list(order, "items").iter().any(|item| number(item, "price") > 900))
    }
}

fn dear(dear: bool) -> Answer {
    if dear { Answer::deny(vec!["dear".into()]) } else { Answer::allow() }
}

/// A request with two lists, of which a rule looks for what belongs together.
#[derive(Debug)]
pub struct Joined {
    size: usize,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Batch {
    users: Vec<User>,
    orders: Vec<Placed>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    suspended: bool,
}

#[derive(Debug, Deserialize)]
struct Placed {
    user: String,
}

impl Joined {
    /// Requests with so many users, and as many orders.
    pub fn new(size: usize) -> Self {
        Self { size }
    }

    /// A request in which the last users are suspended, or none of those that order.
    fn request(&self, suspended: bool, random: &mut Rng) -> Value {
        let user = |at: usize| json!({"id": format!("u{at}"), "suspended": at + 1 == self.size});
        let orders = (0..self.size).map(|at| {
            let user = if suspended && at + 1 == self.size { at } else { random.usize(..self.size.max(2) - 1) };
            json!({"user": format!("u{user}")})
        });
        json!({"orders": orders.collect::<Vec<_>>(), "users": (0..self.size).map(user).collect::<Vec<_>>()})
    }
}

impl Policy for Joined {
    type Request = Batch;

    fn name(&self) -> String {
        format!("joined_{}", self.size)
    }

    fn title(&self) -> String {
        format!("{} orders of {} users in the request", self.size, self.size)
    }

    fn kind(&self) -> &'static str {
        "Batch"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let policy = "package bench.policy\n\ninput: Batch\n\n\
                      type Batch = {users: array[{id: string, suspended: bool}], orders: array[{user: string}]}\n\n\
                      allow \"orders\"\n\ndeny \"suspended\" if {\n  some order in input.orders\n  some user in input.users\n  \
                      user.id == order.user\n  user.suspended\n}\n";
        vec![("bench/policy.hpol".to_owned(), policy.to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        let module = "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if {\n\tsome order in input.orders\n\t\
                      some user in input.users\n\tuser.id == order.user\n\tuser.suspended\n}\n\n\
                      notes contains \"suspended\" if effect == \"deny\"\n\nanswer := {\"effect\": effect, \"notes\": notes}\n";
        Some(Rego { module: module.to_owned(), data: json!({}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..2).map(|_| self.request(false, random)).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        vec![self.request(true, random)]
    }

    fn typed(&self, batch: &Batch, _: &Earlier) -> Answer {
        let users: HashMap<&str, bool> = batch.users.iter().map(|user| (&*user.id, user.suspended)).collect();
        suspended(batch.orders.iter().any(|order| users.get(&*order.user).copied().unwrap_or(false)))
    }

    fn untyped(&self, batch: &Value, _: &Earlier) -> Answer {
        let is_suspended = |user: &Value| user.get("suspended").and_then(Value::as_bool).unwrap_or(false);
        let users: HashMap<&str, bool> =
            list(batch, "users").iter().map(|user| (text(user, "id"), is_suspended(user))).collect();
        suspended(list(batch, "orders").iter().any(|order| users.get(text(order, "user")).copied().unwrap_or(false)))
    }
}

fn suspended(suspended: bool) -> Answer {
    if suspended { Answer::deny(vec!["suspended".into()]) } else { Answer::allow() }
}

/// A request of which the most part is not looked at.
#[derive(Debug)]
pub struct Unread {
    size: usize,
}

impl Unread {
    /// Requests with so many values that no rule reads.
    pub fn new(size: usize) -> Self {
        Self { size }
    }
}

impl Policy for Unread {
    type Request = Caller;

    fn name(&self) -> String {
        format!("unread_{}", self.size)
    }

    fn title(&self) -> String {
        format!("{} values that no rule reads", self.size)
    }

    fn kind(&self) -> &'static str {
        "Caller"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        let policy = "package bench.policy\n\ninput: Caller\n\ntype Caller = {name: string, payload: array[map[string, any]]}\n\nallow \"others\"\n\n\
                      deny \"listed\" if input.name == \"eve\"\n";
        vec![("bench/policy.hpol".to_owned(), policy.to_owned())]
    }

    fn rego(&self) -> Option<Rego> {
        let module = "package peer\n\ndefault effect := \"allow\"\n\neffect := \"deny\" if input.name == \"eve\"\n\n\
                      notes contains \"listed\" if effect == \"deny\"\n\nanswer := {\"effect\": effect, \"notes\": notes}\n";
        Some(Rego { module: module.to_owned(), data: json!({}) })
    }

    fn cel(&self) -> Option<Cel> {
        Some(Cel { allow: Vec::new(), deny: vec!["input.name == 'eve'".to_owned()], data: json!({}) })
    }

    fn requests(&self, _: &mut Rng) -> Vec<Value> {
        let entry = |at: usize| json!({"id": at, "text": format!("value {at} \"quoted\""), "tags": ["a", "b"]});
        let payload: Vec<Value> = (0..self.size).map(entry).collect();
        vec![json!({"name": "ann", "payload": payload}), json!({"name": "eve", "payload": payload})]
    }

    fn typed(&self, request: &Caller, _: &Earlier) -> Answer {
        listed(request.name == "eve")
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        listed(text(request, "name") == "eve")
    }
}
