//! The demo's client of the gateway: plain HTTP, as any SDK sends it.

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Asks the gateway.
#[derive(Debug, Clone)]
pub(super) struct Client {
    base: String,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

/// What the gateway answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The id under which the audit log has it.
    pub(super) request_id: String,
    /// The text of the answer, or the error's message.
    pub(super) text: String,
    /// The error's code, if it is one.
    pub(super) code: Option<String>,
}

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) struct Pending {
    response: Response<Incoming>,
    received: String,
}

impl Client {
    /// A client of the gateway at this address.
    pub(super) fn new(base: String) -> Self {
        Self { base, http: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends a request and returns when the head of the answer is there.
    pub(super) async fn send(&self, token: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Pending> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default())))?;
        let response = self.http.request(request).await.context("the gateway did not answer")?;
        Ok(Pending { response, received: String::new() })
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn ask(&self, token: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        self.send(token, path, body).await?.finish().await
    }
}

impl Pending {
    /// Reads until this text has been streamed.
    pub(super) async fn read_until(&mut self, text: &str) -> anyhow::Result<()> {
        while !streamed_text(&self.received).contains(text) {
            anyhow::ensure!(self.read().await?, "the answer ended before `{text}` came");
        }
        Ok(())
    }

    /// Reads to the end.
    pub(super) async fn finish(mut self) -> anyhow::Result<Answer> {
        while self.read().await? {}
        let header = |name| self.response.headers().get(name).and_then(|value| value.to_str().ok());
        let request_id = header("x-hpol-request-id").unwrap_or_default().to_owned();
        let streamed = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        let document = if streamed { last_event(&self.received) } else { serde_json::from_str(&self.received).ok() };
        let document = document.unwrap_or(Value::Null);
        let error = &document["error"];
        let code = error["code"].as_str().map(str::to_owned);
        let text = match error["message"].as_str() {
            Some(message) => message.to_owned(),
            None if streamed => streamed_text(&self.received),
            None => {
                document["output"][0]["content"][0]["text"].as_str().map_or_else(|| document.to_string(), str::to_owned)
            }
        };
        Ok(Answer { status: self.response.status().as_u16(), request_id, text, code })
    }

    /// Reads a piece; `false` at the end.
    async fn read(&mut self) -> anyhow::Result<bool> {
        let Some(frame) = self.response.body_mut().frame().await else { return Ok(false) };
        if let Ok(data) = frame.context("the answer broke off")?.into_data() {
            self.received.push_str(&String::from_utf8_lossy(&data));
        }
        Ok(true)
    }
}

fn events(stream: &str) -> impl Iterator<Item = Value> {
    stream.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
}

fn last_event(stream: &str) -> Option<Value> {
    events(stream).last()
}

/// The deltas put together, as a chat window shows them.
fn streamed_text(stream: &str) -> String {
    let deltas = events(stream).filter(|event| event["type"] == "response.output_text.delta");
    deltas.filter_map(|event| event["delta"].as_str().map(str::to_owned)).collect()
}
