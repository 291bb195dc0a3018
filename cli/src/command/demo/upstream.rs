//! A small upstream that speaks the Responses protocol, so that the demo needs no key and no network.
//!
//! It answers a few questions from a table, in pieces of a few characters, as providers do. An answer to a question
//! about the harbour stops half way until [`Upstream::go_on`] is called: the demo changes the policy meanwhile.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

/// What the upstream says, by a word of the question; the last entry answers everything else.
const ANSWERS: [(&str, &str); 4] = [
    ("card", "The card on file is 4111 1111 1111 1111, valid until 08/29; the order is 20260815."),
    ("harbour", "The ship left at dawn. Behind it the harbour woke slowly, and the gulls followed it out to sea."),
    ("delete", "I have asked for customer 42 to be deleted."),
    ("", "Good morning! June was 12 % above May."),
];

/// Characters in a piece of a streamed answer: few, so that numbers are cut.
const PIECE: usize = 3;

/// Largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The running upstream; it ends with the runtime it was started on.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    gate: Arc<Semaphore>,
}

impl Upstream {
    /// Starts on a free port of the loopback interface. Calls must bring `key`.
    pub(super) async fn start(key: &'static str) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("could not start the demo's upstream")?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Semaphore::new(0));
        tokio::spawn(accept(listener, key, gate.clone()));
        Ok(Self { address, gate })
    }

    /// Its base address.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the answer that stopped half way go on.
    pub(super) fn go_on(&self) {
        self.gate.add_permits(1);
    }
}

async fn accept(listener: TcpListener, key: &'static str, gate: Arc<Semaphore>) {
    while let Ok((stream, _)) = listener.accept().await {
        let gate = gate.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, key, gate.clone()));
            // A client that goes away is not the upstream's trouble.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, key: &str, gate: Arc<Semaphore>) -> Result<Response<Body>, Infallible> {
    let authorized = request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {key}"));
    if !authorized {
        return Ok(refuse(StatusCode::UNAUTHORIZED, "the demo's upstream wants its own key"));
    }
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/responses") => {}
        (&Method::GET, "/v1/models") => {
            let models = ["gpt-4o", "gpt-4o-mini"].map(|id| json!({ "id": id, "object": "model" }));
            return Ok(respond(
                StatusCode::OK,
                "application/json",
                json!({ "object": "list", "data": models }).to_string(),
            ));
        }
        _ => return Ok(refuse(StatusCode::NOT_FOUND, "the demo's upstream has /v1/responses and /v1/models")),
    }
    let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await;
    let question = body.ok().and_then(|body| serde_json::from_slice::<Value>(&body.to_bytes()).ok());
    let Some(question) = question else { return Ok(refuse(StatusCode::BAD_REQUEST, "that is not JSON")) };
    let text = find_answer(&question["input"].to_string());
    let model = question["model"].as_str().unwrap_or("unknown").to_owned();
    if question["stream"] == true {
        return Ok(stream(&model, text, gate));
    }
    Ok(respond(StatusCode::OK, "application/json", completed(&model, text).to_string()))
}

fn find_answer(question: &str) -> &'static str {
    let found = ANSWERS.iter().find(|(word, _)| question.contains(word));
    found.map_or("", |(_, answer)| answer)
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    respond(status, "application/json", json!({ "error": { "message": message } }).to_string())
}

fn respond(status: StatusCode, content_type: &str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed());
    *response.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert("content-type", value);
    }
    response
}

/// The answer as a stream of events.
fn stream(model: &str, text: &'static str, gate: Arc<Semaphore>) -> Response<Body> {
    let (sender, mut receiver) = mpsc::channel::<Value>(8);
    let model = model.to_owned();
    tokio::spawn(async move {
        // The channel closes when the client has gone; then there is nobody to tell.
        let _ = send_events(&sender, &model, text, &gate).await;
    });
    let frames = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|event| {
            event.map(|event| {
                let kind = event["type"].as_str().unwrap_or_default();
                Ok::<_, Infallible>(Frame::data(Bytes::from(format!("event: {kind}\ndata: {event}\n\n"))))
            })
        })
    });
    let mut response = respond(StatusCode::OK, "text/event-stream", String::new());
    *response.body_mut() = BodyExt::boxed(StreamBody::new(frames));
    response
}

async fn send_events(
    sender: &mpsc::Sender<Value>,
    model: &str,
    text: &str,
    gate: &Semaphore,
) -> Result<(), mpsc::error::SendError<Value>> {
    let mut number = 0;
    let mut event = |kind: &str, mut fields: Value| {
        fields["type"] = json!(format!("response.{kind}"));
        fields["sequence_number"] = json!(number);
        number += 1;
        fields
    };
    let empty = json!({ "type": "output_text", "text": "", "annotations": [] });
    let at = json!({ "item_id": "msg_demo", "output_index": 0, "content_index": 0 });
    let with = |name: &str, value: Value| {
        let mut fields = at.clone();
        fields[name] = value;
        fields
    };
    let begun =
        json!({ "id": "resp_demo", "object": "response", "status": "in_progress", "model": model, "output": [] });
    sender.send(event("created", json!({ "response": begun }))).await?;
    let item =
        json!({ "id": "msg_demo", "type": "message", "role": "assistant", "status": "in_progress", "content": [] });
    sender.send(event("output_item.added", json!({ "output_index": 0, "item": item }))).await?;
    sender.send(event("content_part.added", with("part", empty))).await?;
    let characters: Vec<char> = text.chars().collect();
    let half = characters.len() / PIECE / 2;
    for (index, piece) in characters.chunks(PIECE).enumerate() {
        if index == half && text.contains("harbour") {
            // Closed only when the demo ends.
            if let Ok(permit) = gate.acquire().await {
                permit.forget();
            }
        }
        let piece: String = piece.iter().collect();
        sender.send(event("output_text.delta", with("delta", json!(piece)))).await?;
    }
    let whole = completed(model, text);
    sender.send(event("output_text.done", with("text", json!(text)))).await?;
    sender.send(event("content_part.done", with("part", whole["output"][0]["content"][0].clone()))).await?;
    let done = json!({ "output_index": 0, "item": whole["output"][0] });
    sender.send(event("output_item.done", done)).await?;
    sender.send(event("completed", json!({ "response": whole }))).await
}

/// The whole answer.
fn completed(model: &str, text: &str) -> Value {
    json!({
        "id": "resp_demo",
        "object": "response",
        "created_at": 1_767_225_600,
        "status": "completed",
        "model": model,
        "output": [{
            "id": "msg_demo",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        }],
        "usage": { "input_tokens": 9, "output_tokens": 21, "total_tokens": 30 },
    })
}
