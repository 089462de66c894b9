//! What the lane does through the HTTP API, in as much HTTP as that takes.

use crate::support::{Arguments, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `guest:guest` in Base64.
const LOGIN: &str = "Z3Vlc3Q6Z3Vlc3Q=";

async fn call(arguments: &Arguments, method: &str, path: &str, body: &str) -> Outcome {
    let authority = arguments.management.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).await?;
    let request = format!(
        "{method} /api/{path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Basic {LOGIN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 2") {
        return Ok(());
    }
    Err(format!("{method} {path} was answered {answer}").into())
}

/// Closes the connections of the user in DOOMED_URL, as an operator does.
pub async fn close_doomed_connections(arguments: &Arguments) -> Outcome {
    let login = arguments.doomed.trim_start_matches("amqp://");
    let user = login.split(':').next().unwrap_or_default();
    call(
        arguments,
        "DELETE",
        &format!("connections/username/{user}"),
        "",
    )
    .await
}

/// A policy that lets the queue keep two messages and refuses further ones.
pub async fn limit_length(arguments: &Arguments, queue: &str) -> Outcome {
    let pattern = queue.replace('.', "[.]");
    let policy = format!(
        r#"{{"pattern":"^{pattern}$","apply-to":"queues",
            "definition":{{"max-length":2,"overflow":"reject-publish"}}}}"#
    );
    let path = format!("policies/%2F/{queue}");
    call(arguments, "PUT", &path, &policy).await
}

pub async fn remove_limit(arguments: &Arguments, queue: &str) -> Outcome {
    let path = format!("policies/%2F/{queue}");
    call(arguments, "DELETE", &path, "").await
}
