//! What a collector gets of a running server, over a socket of the test: spans of requests with those of the database, figures,
//! another try when it says "not now", the rest at the end, and an end that does not wait for it.
mod outgoing;

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::house::{House, Person, sites};
use crate::http::request_head;

/// Longer than a span waits for others, and than the first two tries take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Spans of one message at most.
const SPANS_MAX: usize = 512;
/// More than one message holds; each is a span at least.
const REQUESTS: usize = SPANS_MAX + 100;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What came in.
struct Came {
    path: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

/// Listens as a collector does; the first messages are answered with `refuse`, all others with 200.
fn collector<I>(refuse: I) -> (SocketAddr, Receiver<Came>)
where
    I: IntoIterator<Item = &'static str>,
    I::IntoIter: Send + 'static,
{
    let mut refuse = refuse.into_iter();
    collector_that(move |_| refuse.next())
}

/// The same, where the path decides whether a message is refused.
fn collector_that(
    mut refuse: impl FnMut(&str) -> Option<&'static str> + Send + 'static,
) -> (SocketAddr, Receiver<Came>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let (sender, came) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            take(stream, &mut refuse, &sender);
        }
    });
    (address, came)
}

/// The one message of a connection: each is answered with a close, which makes room for the next.
fn take(stream: TcpStream, refuse: &mut impl FnMut(&str) -> Option<&'static str>, sender: &Sender<Came>) {
    let mut writer = stream.try_clone().expect("a socket can be cloned");
    let mut reader = BufReader::new(stream);
    let Some(head) = request_head(&mut reader) else { return };
    let lines: Vec<String> = head.iter().map(|line| line.to_ascii_lowercase()).collect();
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a message has a length")];
    reader.read_exact(&mut body).expect("the whole message");
    let path = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let refusal = refuse(&path);
    if refusal.is_none() {
        // Whoever does not listen any more has seen enough.
        let _gone = sender.send(Came { path, headers: lines, body });
    }
    let status = refusal.unwrap_or("200 OK");
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let _closed = writer.write_all(answer.as_bytes());
}

fn spans(came: &Receiver<Came>, mut enough: impl FnMut(&[Span]) -> bool) -> Vec<Span> {
    let mut all = Vec::new();
    while !enough(&all) {
        let message = came.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("not enough spans: {all:?}"));
        assert!(message.headers.contains(&"authorization: bearer t=1".to_owned()), "{:?}", message.headers);
        if message.path == "/otel/v1/traces" {
            let message = ExportTraceServiceRequest::decode(&*message.body).expect("the protocol's message");
            let scopes = message.resource_spans.into_iter().flat_map(|one| one.scope_spans);
            all.extend(scopes.flat_map(|scope| scope.spans));
        }
    }
    all
}

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|one| one.key == name)?.value.as_ref()?.value.as_ref()
}

fn is_text(attributes: &[KeyValue], name: &str, text: &str) -> bool {
    matches!(attribute(attributes, name), Some(Value::StringValue(value)) if value == text)
}

fn settings(address: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", format!("http://{address}/otel/")),
        ("WHEELHOUSE_TELEMETRY_OTLP_HEADERS", "authorization=Bearer t=1".to_owned()),
        ("WHEELHOUSE_TELEMETRY_METRICS_INTERVAL_MS", "1000".to_owned()),
    ]
}

fn started(folder: &std::path::Path, settings: &[(&'static str, String)]) -> House {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    House::start_with(folder, &settings)
}

#[test]
fn a_request_is_a_span_of_its_callers_trace_with_the_database_within_it() {
    for site in sites() {
        let (address, came) = collector(vec!["503 Service Unavailable", "429 Too Many Requests"]);
        let house = started(site.folder.path(), &settings(address));
        let owner = house.set_up();
        // What others said of the trace: kept as one list, as it is.
        let header = format!(
            "traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\ntracestate: congo=t61rcWkgMzE,\r\ntracestate: rojo=00f067aa0ba902b7\r\n"
        );
        let answer = owner.send("GET", "/v1/panels?limit=7", &header, b"");
        let returned = answer.headers.get("traceresponse").expect("it names the trace");
        let own = returned.split('-').nth(2).expect("a span id").to_owned();
        house.nobody().get("/health");

        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let is_request = |span: &Span| hex(&span.span_id) == own;
        let all = spans(&came, |all| all.iter().any(is_request));
        let request = all.iter().find(|span| is_request(span)).expect("it came");
        assert_eq!((hex(&request.trace_id).as_str(), request.name.as_str()), (TRACE, "GET /v1/panels"));
        assert_eq!((hex(&request.parent_span_id).as_str(), request.kind), ("b7ad6b7169203331", 2));
        assert!(is_text(&request.attributes, "url.path", "/v1/panels"), "{request:?}");
        assert!(is_text(&request.attributes, "wheelhouse.operation", "panel_list"), "{request:?}");
        assert!(attribute(&request.attributes, "wheelhouse.tenant.id").is_some(), "{request:?}");
        assert!(matches!(
            attribute(&request.attributes, "http.response.status_code"),
            Some(Value::IntValue(200))
        ));
        assert!(request.status.is_none() && request.end_time_unix_nano >= request.start_time_unix_nano);
        assert_eq!(request.trace_state, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
        let within: Vec<&Span> = all.iter().filter(|span| span.parent_span_id == request.span_id).collect();
        let reads = |span: &&&Span| span.name == "database read";
        let read = within.iter().find(reads).expect("the list was read");
        let texts = within.iter().filter_map(|span| attribute(&span.attributes, "db.query.text"));
        assert!(texts.clone().any(|text| format!("{text:?}").contains("FROM panel")), "{within:?}");
        assert_eq!((read.kind, &read.trace_id), (3, &request.trace_id));
        assert_eq!(read.trace_state, request.trace_state);
        let ids: std::collections::HashSet<&[u8]> = all.iter().map(|span| span.span_id.as_slice()).collect();
        assert_eq!(ids.len(), all.len(), "no two spans share an id");
        // Setting up was a request without a trace: it began one of its own.
        let setup = all.iter().find(|span| span.name == "POST /v1/identity/setup").expect("it came too");
        assert!(setup.parent_span_id.is_empty() && hex(&setup.trace_id) != TRACE);
        assert!(all.iter().all(|span| !span.name.contains("/health")), "probes are left out");
        house.terminate();
    }
}

#[test]
fn an_import_is_told_step_by_step_within_its_request() {
    for site in sites() {
        let (address, came) = collector(Vec::new());
        let house = started(site.folder.path(), &settings(address));
        let owner = house.set_up();
        let panel = owner.panel("traced");
        let nonsense = "tracestate: no equals sign\r\n";
        let headers =
            format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n{nonsense}Content-Type: text/csv\r\n");
        let path = format!("/v1/panels/{panel}/imports?mode=replace");
        assert_eq!(owner.send("POST", &path, &headers, b"a,b\n1,2\n").status, 201);
        let is_request = |span: &Span| span.name == "POST /v1/panels/{id}/imports";
        let all = spans(&came, |all| all.iter().any(is_request));
        let request = all.iter().find(|span| is_request(span)).expect("it came");
        assert_eq!(request.trace_state, "", "what cannot be read is left out");
        for name in ["import read", "import commit"] {
            let step = all.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {all:?}"));
            assert_eq!((&step.trace_id, &step.parent_span_id), (&request.trace_id, &request.span_id));
            assert_eq!(step.kind, 1, "nobody but ourselves");
            assert!(
                name == "import read" || all.iter().any(|span| span.parent_span_id == step.span_id),
                "what the database does for it is nested in it"
            );
        }
        house.terminate();
    }
}

#[test]
fn what_waited_for_a_collector_comes_in_messages_of_the_usual_size() {
    let site = sites().remove(0);
    let is_back = Arc::new(AtomicBool::new(false));
    let away = is_back.clone();
    let refusals = std::iter::from_fn(move || {
        let is_away = !away.load(Ordering::SeqCst);
        is_away.then_some("503 Service Unavailable")
    });
    let (address, came) = collector(refusals);
    let house = started(site.folder.path(), &settings(address));
    let owner = house.set_up();
    for _ in 0..REQUESTS {
        owner.get("/v1/panels");
    }
    is_back.store(true, Ordering::SeqCst);
    let mut sizes: Vec<usize> = Vec::new();
    while sizes.iter().sum::<usize>() < REQUESTS {
        let message = came.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("not enough: {sizes:?}"));
        if message.path == "/otel/v1/traces" {
            let message = ExportTraceServiceRequest::decode(&*message.body).expect("the protocol's message");
            let scopes = message.resource_spans.iter().flat_map(|one| &one.scope_spans);
            sizes.push(scopes.map(|scope| scope.spans.len()).sum());
        }
    }
    assert!(sizes.iter().all(|size| *size <= SPANS_MAX), "{sizes:?}");
    house.terminate();
}

#[test]
fn figures_come_under_the_names_of_metrics_and_the_last_spans_at_the_end() {
    let site = sites().remove(0);
    let (address, came) = collector(Vec::new());
    let house = started(site.folder.path(), &settings(address));
    house.set_up();
    house.terminate();
    let (mut counted, mut timed, mut last) = (0.0, 0, false);
    // The server has ended: everything it had to say is here.
    while let Ok(message) = came.recv_timeout(Duration::from_secs(1)) {
        if message.path == "/otel/v1/traces" {
            let message = ExportTraceServiceRequest::decode(&*message.body).expect("the protocol's message");
            last |= format!("{message:?}").contains("POST /v1/identity/setup");
            continue;
        }
        assert_eq!(message.path, "/otel/v1/metrics");
        let message = ExportMetricsServiceRequest::decode(&*message.body).expect("the protocol's message");
        let resource = message.resource_metrics[0].resource.as_ref().expect("who speaks");
        assert!(is_text(&resource.attributes, "service.name", "wheelhouse"), "{resource:?}");
        for metric in &message.resource_metrics[0].scope_metrics[0].metrics {
            match &metric.data {
                Some(Data::Sum(sum)) if metric.name == "http_requests_total" => {
                    let point = sum
                        .data_points
                        .iter()
                        .find(|one| is_text(&one.attributes, "operation", "setup_complete"));
                    if let Some(number_data_point::Value::AsDouble(value)) = point.and_then(|one| one.value) {
                        counted = value;
                    }
                }
                Some(Data::Histogram(histogram)) if metric.name == "http_request_duration_seconds" => {
                    for point in &histogram.data_points {
                        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                        timed += point.count;
                    }
                }
                _ => {}
            }
        }
    }
    assert!(counted >= 1.0 && timed >= 1 && last, "{counted} {timed} {last}");
}

/// A collector that answers spans so; and whether any have come.
fn taking_figures_alone(answer: &'static str) -> (SocketAddr, Receiver<Came>, Arc<AtomicBool>) {
    let refused = Arc::new(AtomicBool::new(false));
    let is_refused = refused.clone();
    let (address, came) = collector_that(move |path| {
        let of_spans = path == "/otel/v1/traces";
        is_refused.fetch_or(of_spans, Ordering::SeqCst);
        of_spans.then_some(answer)
    });
    (address, came, refused)
}

#[test]
fn a_collector_that_takes_figures_alone_is_not_well() {
    let site = sites().remove(0);
    let (address, came, refused) = taking_figures_alone("404 Not Found");
    let house = started(site.folder.path(), &settings(address));
    let owner = house.set_up();
    let end = Instant::now() + PATIENCE;
    while !refused.load(Ordering::SeqCst) {
        assert!(Instant::now() < end, "no spans were sent");
        std::thread::yield_now();
    }
    // Figures are taken behind the spans that were not; what the server heard of one message it knows when the next one comes.
    while came.try_recv().is_ok() {}
    for _ in 0..3 {
        came.recv_timeout(PATIENCE).expect("figures");
    }
    let told = told_of(&owner);
    assert_eq!((&told["state"], &told["code"]), (&"degraded".into(), &"wheelhouse.collector_away".into()));
    house.terminate();
}

/// What the server says of its collector.
fn told_of(owner: &Person) -> serde_json::Value {
    let health = owner.get("/health/detailed").json();
    let components = health["components"].as_array().expect("a list");
    components.iter().find(|one| one["name"] == "telemetry").expect("a collector is configured").clone()
}

#[test]
fn a_collector_that_takes_figures_again_is_well_whatever_was_lost() {
    let site = sites().remove(0);
    let (address, came, refused) = taking_figures_alone("503 Service Unavailable");
    let house = started(site.folder.path(), &settings(address));
    let owner = house.set_up();
    let end = Instant::now() + PATIENCE;
    // Spans are tried again less and less often, figures are taken each second.
    while !refused.load(Ordering::SeqCst) || told_of(&owner)["state"] != "up" {
        assert!(Instant::now() < end, "degraded for what was lost");
        came.recv_timeout(PATIENCE).expect("figures");
    }
    house.terminate();
}

#[test]
fn components_that_nobody_looks_at_are_in_the_figures() {
    let site = sites().remove(0);
    let (address, came) = collector(Vec::new());
    let house = started(site.folder.path(), &settings(address));
    let is_disk = |metric: &Metric| {
        let Some(Data::Gauge(gauge)) = &metric.data else { return false };
        let mut points = gauge.data_points.iter();
        metric.name == "component_up" && points.any(|one| is_text(&one.attributes, "component", "disk"))
    };
    // Neither the admin page nor a probe asks; a message comes each second.
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < end, "no figures of components");
        let message = came.recv_timeout(PATIENCE).expect("figures");
        if message.path != "/otel/v1/metrics" {
            continue;
        }
        let message = ExportMetricsServiceRequest::decode(&*message.body).expect("the protocol's message");
        let scopes = message.resource_metrics.iter().flat_map(|one| &one.scope_metrics);
        if scopes.flat_map(|scope| &scope.metrics).any(is_disk) {
            break;
        }
    }
    house.terminate();
}

#[test]
fn a_collector_that_does_not_answer_does_not_hold_the_end() {
    let site = sites().remove(0);
    // The system takes what comes; nobody reads it.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it has one");
    let log = site.folder.path().join("log.txt");
    let mut command = crate::house::wheelhouse();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(site.folder.path());
    command.envs(settings(address)).env("WHEELHOUSE_LOG_LEVEL", "warn");
    command.stderr(std::fs::File::create(&log).expect("a file"));
    let house = House::started(command);
    house.set_up();
    assert!(house.terminate().success());
    let log = std::fs::read_to_string(&log).expect("the log");
    // Its time was up, or the collector was between two tries.
    assert!(log.contains("were not sent"), "{log}");
}

#[test]
fn a_collector_that_cannot_be_is_refused_at_the_start_without_telling_the_token() {
    for (name, value) in [
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "ftp://collector"),
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://someone:a token without@127.0.0.1:1"),
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://:hunter22@127.0.0.1:1"),
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://hunter22@127.0.0.1:1"),
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://someone:hunter22@127.0.0.1:port"),
        ("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://127.0.0.1:1/?token=hunter22"),
        ("WHEELHOUSE_TELEMETRY_OTLP_HEADERS", "a token without a name"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = crate::house::wheelhouse()
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path())
            .env("WHEELHOUSE_TELEMETRY_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env(name, value)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains("telemetry.otlp_"), "{words}");
        assert!(!words.contains("a token without") && !words.contains("hunter22"), "{words}");
    }
}
