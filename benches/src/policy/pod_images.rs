//! A pod of twenty containers, each of whose images must come from one of ten places.

use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cel, Earlier, Policy, Rego, list, pick, text};
use crate::answer::Answer;

const CONTAINERS: usize = 20;

const PREFIXES: [&str; 10] = [
    "registry.internal.example/base/",
    "registry.internal.example/payments/",
    "registry.internal.example/search/",
    "registry.internal.example/data/",
    "mirror.internal.example/library/",
    "mirror.internal.example/bitnami/",
    "quay.example/prometheus/",
    "quay.example/cilium/",
    "gcr.example/distroless/",
    "k8s.example/ingress/",
];

/// The policy.
#[derive(Debug)]
pub(super) struct PodImages {
    prefixes: Vec<String>,
}

/// The fields that are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Pod {
    spec: Spec,
}

#[derive(Debug, Deserialize)]
struct Spec {
    containers: Vec<Container>,
}

#[derive(Debug, Deserialize)]
struct Container {
    name: String,
    image: String,
}

impl PodImages {
    pub(super) fn new() -> Self {
        Self { prefixes: PREFIXES.map(str::to_owned).to_vec() }
    }

    fn decide<'r>(&self, mut containers: impl Iterator<Item = (&'r str, &'r str)>) -> Answer {
        let known = |image: &str| self.prefixes.iter().any(|prefix| image.starts_with(prefix.as_str()));
        let foreign = containers.find(|(_, image)| !known(image));
        Answer::unless(foreign.map(|(name, image)| format!("{name} runs {image}").into()).into_iter().collect(), true)
    }
}

fn draw(random: &mut Rng, foreign: Option<usize>) -> Value {
    let containers: Vec<Value> = (0..CONTAINERS)
        .map(|at| {
            let prefix = if Some(at) == foreign { "docker.example/someone/" } else { pick(random, &PREFIXES) };
            json!({
                "name": format!("container-{at}"),
                "image": format!("{prefix}service-{}:1.{}.0", random.u32(..50), random.u32(..30)),
                "args": ["--port", "8080", "--verbose"],
                "ports": [{"name": "http", "number": 8080}],
                "env": {"REGION": "eu-1", "STAGE": "prod"},
            })
        })
        .collect();
    json!({
        "kind": "Pod",
        "metadata": {"name": format!("pod-{}", random.u32(..1000)), "namespace": "shop", "labels": {"app": "shop", "tier": "web"}},
        "spec": {"containers": containers, "node": format!("node-{}", random.u32(..50))},
    })
}

impl Policy for PodImages {
    type Request = Pod;

    fn name(&self) -> String {
        "pod_images".to_owned()
    }

    fn title(&self) -> String {
        "pod spec: 20 containers × 10 prefixes".to_owned()
    }

    fn kind(&self) -> &'static str {
        "Pod"
    }

    fn hpol(&self) -> Vec<(String, String)> {
        vec![
            ("bench/policy.hpol".to_owned(), include_str!("pod_images/policy.hpol").to_owned()),
            ("bench/registries.json".to_owned(), json!({"allowed": PREFIXES}).to_string()),
            ("bench/registries.schema.json".to_owned(), include_str!("pod_images/registries.schema.json").to_owned()),
        ]
    }

    fn rego(&self) -> Option<Rego> {
        let module = include_str!("pod_images/policy.rego").to_owned();
        Some(Rego { module, data: json!({"registries": {"allowed": PREFIXES}}) })
    }

    fn cel(&self) -> Option<Cel> {
        let allow =
            "input.spec.containers.all(container, data.allowed.exists(prefix, container.image.startsWith(prefix)))";
        Some(Cel { allow: vec![allow.to_owned()], deny: Vec::new(), data: json!({"allowed": PREFIXES}) })
    }

    fn requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..8).map(|at| draw(random, (at % 4 == 3).then_some(at * 2))).collect()
    }

    fn further_requests(&self, random: &mut Rng) -> Vec<Value> {
        (0..CONTAINERS).map(|foreign| draw(random, Some(foreign))).collect()
    }

    fn typed(&self, pod: &Pod, _: &Earlier) -> Answer {
        self.decide(pod.spec.containers.iter().map(|container| (&*container.name, &*container.image)))
    }

    fn untyped(&self, pod: &Value, _: &Earlier) -> Answer {
        let containers = list(&pod["spec"], "containers").iter();
        self.decide(containers.map(|container| (text(container, "name"), text(container, "image"))))
    }
}
