//! A gateway, an upstream whose every byte the test sends, and a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hpol_runtime::source::Files;
use hpol_runtime::{Engine, EngineOptions, Status};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::admin::PolicyControl;
use crate::approvals::{Answer, ApprovalState, Approvals, Person};
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::record::{Entry, Filter, list, verify};
use crate::store::Store;

/// Longest time anything in a test may take. Nothing waits for it unless the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const ALLOW_LLM: &str = "package guard\ninput: llm.Request\nallow \"all\" if true\n";

pub(super) struct TestGateway {
    pub(super) gateway: Gateway,
    pub(super) engine: Engine,
    pub(super) upstream: Upstream,
    store: std::path::PathBuf,
    _folder: TempDir,
}

struct Fixed(Engine);

impl PolicyControl for Fixed {
    fn status(&self) -> Status {
        self.0.status()
    }

    fn reload(&self) -> BoxFuture<'_, Status> {
        Box::pin(async { self.0.status() })
    }
}

/// Waits for something that must come.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens within the test's patience")
}

impl TestGateway {
    pub(super) async fn start(policy: &str) -> Self {
        Self::start_with(policy, |_| {}).await
    }

    pub(super) async fn start_with(policy: &str, change: impl FnOnce(&mut Config)) -> Self {
        let upstream = Upstream::start().await;
        let folder = tempfile::tempdir().expect("temporary folder");
        let key = folder.path().join("key");
        std::fs::write(&key, "sk-upstream-key").expect("write");
        let text = format!(
            "listen: 127.0.0.1:0\nadmin: {{listen: '127.0.0.1:0'}}\npolicy: {{folder: policies}}\nidentity: {{anonymous: true}}\n\
             upstreams:\n  - {{name: provider, kind: openai, base_url: 'http://{}', api_key: {{file: '{}'}}}}\n",
            upstream.address,
            key.display()
        );
        let mut config = Config::parse(&text, &folder.path().join("hpol.yaml")).expect("a valid configuration");
        change(&mut config);
        let engine = Engine::new(EngineOptions::default());
        load(&engine, policy);
        let control = Arc::new(Fixed(engine.clone()));
        let gateway =
            Gateway::start(&config, engine.clone(), control, Clock::system()).await.expect("the gateway starts");
        Self { gateway, engine, upstream, store: config.store.path, _folder: folder }
    }

    /// A request to the gateway, which runs at once.
    pub(super) fn request(&self, request: Request<Full<Bytes>>) -> tokio::task::JoinHandle<Response<Incoming>> {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        tokio::spawn(async move { client.request(request).await.expect("the gateway answers") })
    }

    pub(super) fn build(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.gateway.address()))
    }

    /// A call of a model.
    pub(super) fn post(&self, path: &str, body: &Json) -> tokio::task::JoinHandle<Response<Incoming>> {
        self.post_text(path, "application/json", body.to_string())
    }

    pub(super) fn post_text(
        &self,
        path: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> tokio::task::JoinHandle<Response<Incoming>> {
        let request = self.build(Method::POST, path).header("content-type", media_type);
        let request = request.header("authorization", "Bearer client-token").body(Full::new(body.into()));
        self.request(request.expect("a request"))
    }

    pub(super) fn get(&self, path: &str) -> tokio::task::JoinHandle<Response<Incoming>> {
        self.request(self.build(Method::GET, path).body(Full::default()).expect("a request"))
    }

    /// Sends bytes on a connection of their own; gives everything that comes back until the gateway closes it.
    pub(super) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.gateway.address()).await.expect("the gateway listens");
        stream.write_all(bytes).await.expect("the gateway reads");
        let mut answer = Vec::new();
        // A connection that is cut tells what it told before.
        let _ = soon(stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The records of a kind, oldest first.
    pub(super) async fn records(&self, kind: &str) -> Vec<Entry> {
        let store = Store::open_read_only(&self.store).await.expect("the store opens");
        let filter = Filter { kind: Some(kind.to_owned()), limit: Some(500), ..Filter::default() };
        let mut entries = list(&store, &filter).await.expect("records").entries;
        entries.reverse();
        verify(&store, None).await.expect("an unbroken chain");
        entries
    }

    /// Waits until a response was recorded, and gives what became of it.
    pub(super) async fn outcome(&self) -> String {
        let search = async {
            loop {
                if let Some(entry) = self.records("response").await.pop() {
                    return body_of(&entry)["outcome"].as_str().expect("an outcome").to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        soon(search).await
    }

    /// The gateway, to be stopped, and the folder with its store.
    pub(super) fn stop(self) -> (Gateway, TempDir) {
        (self.gateway, self._folder)
    }

    /// Waits for a pending approval and gives its id.
    pub(super) async fn pending(&self) -> String {
        pending(self.gateway.approvals()).await
    }

    pub(super) fn store_path(&self) -> &std::path::Path {
        &self.store
    }
}

/// The body of a record.
pub(super) fn body_of(entry: &Entry) -> Json {
    serde_json::from_str(&entry.body).expect("a JSON body")
}

pub(super) fn load(engine: &Engine, policy: &str) {
    if let Err(error) = engine.load(&Files::from_memory([("guard.hpol", policy)])) {
        panic!("the policy does not load: {error}\n{policy}");
    }
}

pub(super) async fn pending(approvals: &Approvals) -> String {
    let search = async {
        loop {
            let page = approvals.list(Some(ApprovalState::Pending), None, 10).await.expect("approvals");
            if let Some(approval) = page.approvals.first() {
                return approval.id.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    soon(search).await
}

/// Answers an approval as somebody on call.
pub(super) async fn answer(approvals: &Approvals, id: &str, answer: Answer) {
    let person = Person { name: "grace".to_owned(), issuer: "test".to_owned(), groups: vec!["oncall".to_owned()] };
    approvals.answer(id, &person, answer, "as discussed").await.expect("the answer is taken");
}

/// The status and the JSON body of an answer.
pub(super) async fn json_of(response: Response<Incoming>) -> (u16, Json) {
    let status = response.status().as_u16();
    let text = text_of(response).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")))
}

pub(super) async fn text_of(response: Response<Incoming>) -> String {
    let bytes = soon(response.into_body().collect()).await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The next piece of a streamed answer.
pub(super) async fn next_piece(response: &mut Response<Incoming>) -> Option<String> {
    loop {
        let frame = soon(response.body_mut().frame()).await?.ok()?;
        if let Ok(data) = frame.into_data() {
            return Some(String::from_utf8(data.to_vec()).expect("UTF-8"));
        }
    }
}

pub(super) fn responses_request() -> Json {
    json!({"model": "gpt-4o-mini", "input": "hello", "stream": false})
}

/// An upstream: every call is handed to the test, which answers it byte by byte.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

/// A call that the gateway made.
pub(super) struct Call {
    pub(super) head: String,
    pub(super) body: String,
    stream: TcpStream,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { address: listener.local_addr().expect("an address"), listener }
    }

    /// The next call.
    pub(super) async fn call(&self) -> Call {
        let (stream, _) = soon(self.listener.accept()).await.expect("a connection");
        soon(Call::read(stream)).await
    }

    /// Whether nobody has connected so far.
    pub(super) async fn is_untouched(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = tokio::task::yield_now() => true,
        }
    }
}

impl Call {
    async fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    return Self { head: head.to_owned(), body: body.to_owned(), stream };
                }
            }
            let read = stream.read(&mut buffer).await.expect("the gateway sends");
            assert!(read > 0, "the gateway broke off: {text}");
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the gateway reads");
    }

    /// Answers in one piece.
    pub(super) async fn reply(mut self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        self.send(head).await;
        self.send(body).await;
    }

    pub(super) async fn reply_json(self, body: &Json) {
        self.reply("200 OK", "content-type: application/json\r\n", body.to_string()).await;
    }

    /// Starts an answer of events, in chunks.
    pub(super) async fn begin_events(&mut self, headers: &str) {
        self.send(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{headers}transfer-encoding: chunked\r\n\r\n"
        ))
        .await;
    }

    pub(super) async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.send(format!("{:x}\r\n", bytes.len())).await;
        self.send(bytes).await;
        self.send("\r\n").await;
    }

    pub(super) async fn end_events(mut self) {
        self.send("0\r\n\r\n").await;
    }

    /// Waits until the gateway closes the connection.
    pub(super) async fn closed(mut self) {
        let mut buffer = [0; 64];
        let read = soon(self.stream.read(&mut buffer)).await.unwrap_or(0);
        assert_eq!(read, 0, "the gateway sends nothing more");
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut values = head.lines().filter_map(|line| line.split_once(':'));
    values.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}
