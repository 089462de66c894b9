//! The two RPC scenarios: replies on a queue of the client's, and without one (direct reply-to).

use crate::support::*;
use futures_lite::StreamExt;
use lapin::options::{BasicAckOptions, BasicPublishOptions};
use lapin::{BasicProperties, Channel};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Squares what it is asked, and keeps the reply-to names that it saw.
async fn serve_squares(
    channel: Channel,
    queue: String,
    names: Arc<Mutex<BTreeSet<String>>>,
) -> Outcome {
    let mut requests = consume(&channel, &queue, false).await?;
    while let Some(request) = requests.next().await {
        let request = request?;
        let n: u32 = text(&request).parse()?;
        let asked = &request.properties;
        let reply_to = asked.reply_to().clone().ok_or("no reply-to")?;
        let correlation_id = asked.correlation_id().clone().ok_or("no correlation id")?;
        names.lock().unwrap().insert(reply_to.to_string());
        let properties = BasicProperties::default().with_correlation_id(correlation_id);
        let body = (n * n).to_string();
        let options = BasicPublishOptions::default();
        channel
            .basic_publish("".into(), reply_to, options, body.as_bytes(), properties)
            .await?
            .await?;
        request.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

/// Asks for 20 squares on the reply queue. Returns the reply-to names that the server saw.
async fn call_squares(
    arguments: &Arguments,
    client: &Channel,
    reply_to: &str,
) -> Result<BTreeSet<String>, Failure> {
    let (serving, server) = connect(arguments, 5).await?;
    let squares = durable_queue(&server, "squares").await?;
    let names = Arc::new(Mutex::new(BTreeSet::new()));
    let server_task = serve_squares(server.clone(), squares.clone(), names.clone());
    let server_task = tokio::spawn(server_task);
    let mut replies = consume(client, reply_to, true).await?;
    let mut expected = BTreeMap::new();
    for n in 0..20 {
        let properties = BasicProperties::default()
            .with_reply_to(reply_to.into())
            .with_correlation_id(n.to_string().into());
        let body = n.to_string();
        publish(client, "", &squares, body.as_bytes(), properties)
            .await?
            .await?;
        expected.insert(n.to_string(), (n * n).to_string());
    }
    let mut results = BTreeMap::new();
    for _ in 0..20 {
        let reply = next(&mut replies).await?;
        let id = reply.properties.correlation_id().clone();
        results.insert(id.ok_or("no correlation id")?.to_string(), text(&reply));
    }
    expect("replies", results, expected)?;
    server_task.abort();
    delete(&server, &squares).await?;
    serving.close(200, "done".into()).await?;
    let seen = names.lock().unwrap().clone();
    Ok(seen)
}

pub async fn rpc_reply_queue(arguments: &Arguments) -> Outcome {
    let (connection, client) = connect(arguments, 0).await?;
    let replies = exclusive_queue(&client, "replies").await?;
    let seen = call_squares(arguments, &client, &replies).await?;
    expect("reply names", seen, BTreeSet::from([replies]))?;
    Ok(connection.close(200, "done".into()).await?)
}

pub async fn rpc_direct_reply_to(arguments: &Arguments) -> Outcome {
    let (connection, client) = connect(arguments, 0).await?;
    let seen = call_squares(arguments, &client, DIRECT_REPLY_TO).await?;
    expect("reply names that the server saw", seen.len(), 1)?;
    let generated = format!("{DIRECT_REPLY_TO}.");
    expect(
        "a generated name",
        seen.iter().all(|name| name.starts_with(&generated)),
        true,
    )?;
    Ok(connection.close(200, "done".into()).await?)
}
