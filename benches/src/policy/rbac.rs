//! Roles with grants, held in data: a user may do what one of the user's roles grants.

use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Cedar, CedarRequest, Cel, Earlier, Policy, Rego, pick, text};
use crate::answer::Answer;

/// Roles that a user has.
const ROLES_OF_A_USER: usize = 10;

/// Users.
const USERS: usize = 100;

const ACTIONS: [&str; 4] = ["read", "write", "delete", "share"];

/// Roles, each with some grants.
#[derive(Debug)]
pub struct Rbac {
    roles: usize,
    grants: usize,
    members: HashMap<String, Vec<usize>>,
    /// Which roles grant an action on a resource.
    granting: HashMap<String, HashMap<String, RoleSet>>,
}

type RoleSet = HashSet<usize>;

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub struct Access {
    user: String,
    action: String,
    resource: String,
}

fn grant(role: usize, grant: usize) -> (&'static str, String) {
    (ACTIONS[(role + grant) % ACTIONS.len()], format!("resource-{}", role * 7 + grant * 13))
}

fn roles_of(user: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..ROLES_OF_A_USER.min(size)).map(move |at| (user + at * (size / ROLES_OF_A_USER).max(1)) % size)
}

impl Rbac {
    /// A policy with so many roles of so many grants.
    pub fn new(roles: usize, grants: usize) -> Self {
        let members = (0..USERS).map(|user| (format!("user-{user}"), roles_of(user, roles).collect())).collect();
        let mut granting: HashMap<String, HashMap<String, RoleSet>> = HashMap::new();
        for role in 0..roles {
            for at in 0..grants {
                let (action, resource) = grant(role, at);
                let actions = granting.entry(resource).or_default();
                let granting: &mut RoleSet = actions.entry(action.to_owned()).or_default();
                granting.insert(role);
            }
        }
        Self { roles, grants, members, granting }
    }

    fn granted(&self, user: &str, action: &str, resource: &str) -> bool {
        let roles = self.granting.get(resource).and_then(|actions| actions.get(action));
        let (Some(granting), Some(members)) = (roles, self.members.get(user)) else { return false };
        members.iter().any(|role| granting.contains(role))
    }

    /// The document with members and grants.
    pub fn data(&self) -> Value {
        let members = (0..USERS).map(|user| {
            let roles: Vec<String> = roles_of(user, self.roles).map(|role| format!("role-{role}")).collect();
            (format!("user-{user}"), json!(roles))
        });
        let grants = (0..self.roles).map(|role| {
            let grants = (0..self.grants).map(|at| {
                let (action, resource) = grant(role, at);
                json!({"action": action, "resource": resource})
            });
            (format!("role-{role}"), grants.collect())
        });
        json!({"members": members.collect::<Map<_, _>>(), "grants": grants.collect::<Map<_, _>>()})
    }

    fn draw(&self, random: &mut Rng, granted: bool) -> Value {
        let user = random.usize(..USERS);
        let (action, resource) = if granted {
            let roles: Vec<usize> = roles_of(user, self.roles).collect();
            grant(roles[random.usize(..roles.len())], random.usize(..self.grants))
        } else {
            (pick(random, &ACTIONS), format!("resource-{}", random.usize(..self.roles * 7 + self.grants * 13)))
        };
        json!({"user": format!("user-{user}"), "action": action, "resource": resource})
    }
}

impl Policy for Rbac {
    type Request = Access;

    fn name(&self) -> String {
        format!("rbac_{}", self.roles)
    }

    fn title(&self) -> String {
        format!("RBAC, {} roles × {} grants", self.roles, self.grants)
    }

    fn kind(&self) -> &'static str {
        "Access"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        vec![
            ("bench/policy.hpol".to_owned(), include_str!("rbac/policy.hpol").to_owned()),
            ("bench/roles.schema.json".to_owned(), include_str!("rbac/roles.schema.json").to_owned()),
            ("bench/roles.json".to_owned(), self.data().to_string()),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let module = include_str!("rbac/policy.rego").to_owned();
        Some(Rego { module, data: json!({"roles": self.data()}) })
    }

    fn cedar(&self) -> Option<Cedar> {
        let mut policies = String::new();
        for role in 0..self.roles {
            for at in 0..self.grants {
                let (action, resource) = grant(role, at);
                policies.push_str(&format!(
                    "permit(principal in Role::\"role-{role}\", action == Action::\"{action}\", resource == Resource::\"{resource}\");\n"
                ));
            }
        }
        let entity = |kind: &str, id: String, parents: Vec<Value>| json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": parents});
        let roles = (0..self.roles).map(|role| entity("Role", format!("role-{role}"), Vec::new()));
        let users = (0..USERS).map(|user| {
            let parents = roles_of(user, self.roles).map(|role| json!({"type": "Role", "id": format!("role-{role}")}));
            entity("User", format!("user-{user}"), parents.collect())
        });
        let request = |request: &Value| CedarRequest {
            principal: text(request, "user").to_owned(),
            action: text(request, "action").to_owned(),
            resource: text(request, "resource").to_owned(),
            context: json!({}),
        };
        Some(Cedar { policies, entities: roles.chain(users).collect(), request })
    }

    fn cel(&self) -> Option<Cel> {
        let allow = "input.user in data.members && data.members[input.user].exists(role, data.grants[role].exists(grant, \
                     grant.action == input.action && grant.resource == input.resource))";
        Some(Cel { allow: vec![allow.to_owned()], deny: Vec::new(), data: self.data() })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..16).map(|at| self.draw(random, at % 2 == 0)).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        let mut requests: Vec<Value> = (0..100).map(|at| self.draw(random, at % 2 == 0)).collect();
        requests.push(json!({"user": "nobody", "action": "read", "resource": "resource-0"}));
        requests
    }

    fn typed(&self, request: &Access, _: &Earlier) -> Answer {
        Answer::allowed(self.granted(&request.user, &request.action, &request.resource))
    }

    fn untyped(&self, request: &Value, _: &Earlier) -> Answer {
        Answer::allowed(self.granted(text(request, "user"), text(request, "action"), text(request, "resource")))
    }
}
