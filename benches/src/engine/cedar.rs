//! Cedar, which says allow or deny and gives no reasons as texts.

use std::hint::black_box;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet};

use super::{Engine, Runner, Side, Start};
use crate::answer::Answer;
use crate::error::BenchError;
use crate::policy::{Case, Cedar, CedarRequest};

const NAME: &str = "cedar";

/// Cedar.
pub(super) const ENGINE: Engine = Engine { name: NAME, side: Side::Peer, load };

struct Loaded {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    request: fn(&serde_json::Value) -> CedarRequest,
    types: Types,
    requests: Vec<cedar_policy::Request>,
    texts: Vec<String>,
    timed: usize,
}

struct Types {
    user: EntityTypeName,
    action: EntityTypeName,
    resource: EntityTypeName,
}

impl Types {
    fn request(&self, request: CedarRequest) -> Result<cedar_policy::Request, String> {
        let uid = |kind: &EntityTypeName, id| EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
        let context = Context::from_json_value(request.context, None).map_err(|error| error.to_string())?;
        let principal = uid(&self.user, request.principal);
        let (action, resource) = (uid(&self.action, request.action), uid(&self.resource, request.resource));
        cedar_policy::Request::new(principal, action, resource, context, None).map_err(|error| error.to_string())
    }
}

fn load(case: &Case) -> Result<Option<Box<dyn Runner>>, BenchError> {
    let Some(cedar) = &case.cedar else { return Ok(None) };
    let loaded = loaded(case, cedar).map_err(|message| BenchError::engine(NAME, &case.name, message))?;
    Ok(Some(Box::new(loaded)))
}

fn loaded(case: &Case, cedar: &Cedar) -> Result<Loaded, String> {
    let kind = |name: &str| name.parse::<EntityTypeName>().map_err(|error| error.to_string());
    let types = Types { user: kind("User")?, action: kind("Action")?, resource: kind("Resource")? };
    let requests = case.requests.iter().map(|request| types.request((cedar.request)(&request.document)));
    Ok(Loaded {
        authorizer: Authorizer::new(),
        policies: cedar.policies.parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())?,
        entities: Entities::from_json_value(cedar.entities.clone(), None).map_err(|error| error.to_string())?,
        request: cedar.request,
        requests: requests.collect::<Result<_, _>>()?,
        types,
        texts: case.requests.iter().map(|request| request.text.clone()).collect(),
        timed: case.timed,
    })
}

impl Loaded {
    fn decide(&self, request: &cedar_policy::Request) -> cedar_policy::Response {
        self.authorizer.is_authorized(request, &self.policies, &self.entities)
    }

    fn decide_text(&self, text: &str) -> Result<cedar_policy::Response, String> {
        let document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(self.decide(&self.types.request((self.request)(&document))?))
    }
}

impl Runner for Loaded {
    fn answer(&mut self, start: Start, at: usize) -> Result<Answer, String> {
        let response = match start {
            Start::Prepared => self.decide(&self.requests[at]),
            Start::Json => self.decide_text(&self.texts[at])?,
        };
        match response.diagnostics().errors().next() {
            Some(error) => Err(error.to_string()),
            None => Ok(Answer::allowed(response.decision() == Decision::Allow)),
        }
    }

    fn batch(&mut self, start: Start, rounds: usize) {
        for _ in 0..rounds {
            for at in 0..self.timed {
                match start {
                    Start::Prepared => drop(black_box(self.decide(black_box(&self.requests[at])))),
                    Start::Json => drop(black_box(self.decide_text(black_box(&self.texts[at])))),
                }
            }
        }
    }

    fn gives_notes(&self) -> bool {
        false
    }
}
