//! The scenarios with lapin; its connections recover, with their topology, when they are asked to.

use crate::management::{close_doomed_connections, limit_length, remove_limit};
pub use crate::rpc::{rpc_direct_reply_to, rpc_reply_queue};
use crate::support::*;
use futures_lite::StreamExt;
use lapin::message::Delivery;
use lapin::options::*;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;

const RETRIES: i64 = 3;
const RETRY_MILLIS: i32 = 50;
const LARGE_BODY_BYTES: u32 = 8 << 20;

pub async fn work_queue_prefetch(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let jobs = durable_queue(&channel, "jobs").await?;
    let (one, first) = connect(arguments, 3).await?;
    let (other, second) = connect(arguments, 3).await?;
    let mut workers = [
        consume(&first, &jobs, false).await?,
        consume(&second, &jobs, false).await?,
    ];
    for n in 0..30 {
        let persistent = BasicProperties::default().with_delivery_mode(2);
        publish(&channel, "", &jobs, n.to_string().as_bytes(), persistent)
            .await?
            .await?;
    }
    let mut done = BTreeSet::new();
    for turn in 0..5 {
        let mut held: Vec<Delivery> = Vec::new();
        for worker in &mut workers {
            for _ in 0..3 {
                held.push(next(worker).await?);
            }
        }
        let ready = message_count(&channel, &jobs).await?;
        expect("jobs that nobody holds", ready, 24 - 6 * turn)?;
        for job in held {
            done.insert(text(&job).parse::<u32>()?);
            job.ack(BasicAckOptions::default()).await?;
        }
    }
    expect("jobs done", done, (0..30).collect())?;
    delete(&channel, &jobs).await?;
    for connection in [one, other, connection] {
        connection.close(200, "done".into()).await?;
    }
    Ok(())
}

pub async fn work_queue_requeue(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let queue = durable_queue(&channel, "jobs").await?;
    let mut jobs = consume(&channel, &queue, false).await?;
    for body in ["good", "bad"] {
        send(&channel, "", &queue, body).await?;
    }
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let job = next(&mut jobs).await?;
        seen.insert((text(&job), job.redelivered));
        if job.data == b"bad" {
            job.nack(BasicNackOptions::default()).await?;
        } else if job.redelivered {
            job.ack(BasicAckOptions::default()).await?;
        } else {
            job.reject(BasicRejectOptions { requeue: true }).await?;
        }
    }
    let all = [("bad", false), ("good", false), ("good", true)];
    expect(
        "seen",
        seen,
        all.map(|(body, again)| (body.to_string(), again)).into(),
    )?;
    let tag = jobs.tag();
    channel
        .basic_cancel(tag, BasicCancelOptions::default())
        .await?;
    expect("jobs left", delete(&channel, &queue).await?, 0)?;
    Ok(connection.close(200, "done".into()).await?)
}

pub async fn fanout(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let news = unique("news");
    declare_exchange(&channel, &news, ExchangeKind::Fanout).await?;
    let mut inboxes = Vec::new();
    for _ in 0..2 {
        let queue = exclusive_queue(&channel, "subscriber").await?;
        bind(&channel, &queue, &news, "").await?;
        inboxes.push(consume(&channel, &queue, true).await?);
    }
    for body in ["one", "two"] {
        send(&channel, &news, "any", body).await?;
    }
    for inbox in &mut inboxes {
        for body in ["one", "two"] {
            expect("news", text(&next(inbox).await?), body.to_string())?;
        }
    }
    Ok(connection.close(200, "done".into()).await?)
}

pub async fn topic(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let orders = unique("orders");
    declare_exchange(&channel, &orders, ExchangeKind::Topic).await?;
    let queue = exclusive_queue(&channel, "subscriber").await?;
    for pattern in ["orders.*.eu", "audit.#"] {
        bind(&channel, &queue, &orders, pattern).await?;
    }
    let mut inbox = consume(&channel, &queue, true).await?;
    let mut returned = Vec::new();
    for key in [
        "orders.new.us",
        "orders.new.eu",
        "audit",
        "audit.a.b",
        "orders.eu",
    ] {
        if send(&channel, &orders, key, key)
            .await?
            .take_message()
            .is_some()
        {
            returned.push(key);
        }
    }
    for key in ["orders.new.eu", "audit", "audit.a.b"] {
        expect(
            "routed",
            next(&mut inbox).await?.routing_key.to_string(),
            key.to_string(),
        )?;
    }
    expect("returned", returned, vec!["orders.new.us", "orders.eu"])?;
    Ok(connection.close(200, "done".into()).await?)
}

pub async fn confirms_and_returns(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let queue = durable_queue(&channel, "confirmed").await?;
    let mut confirms = Vec::new();
    for n in 0..100u32 {
        let properties = BasicProperties::default().with_delivery_mode(1 + (n % 2) as u8);
        confirms.push(publish(&channel, "", &queue, b"confirm", properties).await?);
    }
    for confirm in confirms {
        expect("an ack", confirm.await?.is_ack(), true)?;
    }
    expect(
        "messages that were confirmed",
        message_count(&channel, &queue).await?,
        100,
    )?;
    let confirmation = send(&channel, "", &unique("missing"), "lost").await?;
    expect("an ack", confirmation.is_ack(), true)?;
    let returned = confirmation.take_message().ok_or("it was not returned")?;
    expect("reply code", returned.reply_code, 312)?;
    expect(
        "reply text",
        returned.reply_text.to_string(),
        "NO_ROUTE".to_string(),
    )?;
    expect(
        "returned body",
        text(&returned.delivery),
        "lost".to_string(),
    )?;
    delete(&channel, &queue).await?;
    Ok(connection.close(200, "done".into()).await?)
}

/// The arguments of a queue whose dead letters go to another queue.
fn dead_letters_to(queue: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    let word = |text: &str| AMQPValue::LongString(text.into());
    arguments.insert("x-dead-letter-exchange".into(), word(""));
    arguments.insert("x-dead-letter-routing-key".into(), word(queue));
    arguments
}

pub async fn dead_letter_retry(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let (work, retry) = (unique("work"), unique("retry"));
    let mut waits = dead_letters_to(&work);
    waits.insert("x-message-ttl".into(), AMQPValue::LongInt(RETRY_MILLIS));
    declare(
        &channel,
        &work,
        QueueDeclareOptions::durable(),
        dead_letters_to(&retry),
    )
    .await?;
    declare(&channel, &retry, QueueDeclareOptions::durable(), waits).await?;
    let mut jobs = consume(&channel, &work, false).await?;
    let persistent = BasicProperties::default().with_delivery_mode(2);
    publish(&channel, "", &work, b"stubborn", persistent)
        .await?
        .await?;
    let mut job = next(&mut jobs).await?;
    while death_count(&job, &work, "rejected")? < RETRIES {
        job.reject(BasicRejectOptions::default()).await?;
        job = next(&mut jobs).await?;
    }
    job.ack(BasicAckOptions::default()).await?;
    expect(
        "rejected by x-death",
        death_count(&job, &work, "rejected")?,
        RETRIES,
    )?;
    expect(
        "expired by x-death",
        death_count(&job, &retry, "expired")?,
        RETRIES,
    )?;
    let headers = job.properties.headers().clone().unwrap_or_default();
    let first = headers.inner().get("x-first-death-queue").cloned();
    expect(
        "x-first-death-queue",
        first,
        Some(AMQPValue::LongString(work.as_str().into())),
    )?;
    for queue in [&work, &retry] {
        delete(&channel, queue).await?;
    }
    Ok(connection.close(200, "done".into()).await?)
}

pub async fn large_body(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let queue = exclusive_queue(&channel, "large").await?;
    let mut inbox = consume(&channel, &queue, true).await?;
    // Bytes without a period that a broker's blocks could hide.
    let body: Vec<u8> = (0..LARGE_BODY_BYTES)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut headers = FieldTable::default();
    headers.insert("text".into(), AMQPValue::LongString("ü".into()));
    headers.insert("count".into(), AMQPValue::LongInt(42));
    let properties = BasicProperties::default()
        .with_headers(headers.clone())
        .with_message_id("large".into());
    publish(&channel, "", &queue, &body, properties)
        .await?
        .await?;
    let message = next(&mut inbox).await?;
    expect(
        "its digest",
        Sha256::digest(&message.data),
        Sha256::digest(&body),
    )?;
    expect(
        "its headers",
        message.properties.headers().clone(),
        Some(headers),
    )?;
    expect(
        "its message id",
        message.properties.message_id().clone(),
        Some("large".into()),
    )?;
    Ok(connection.close(200, "done".into()).await?)
}

/// Hands on what a consumer gets, over the losses of its connection.
async fn consume_for_ever(
    channel: Channel,
    queue: String,
    inbox: mpsc::UnboundedSender<String>,
) -> Outcome {
    let mut consumer = consume(&channel, &queue, true).await?;
    while let Some(delivery) = consumer.next().await {
        match delivery {
            Ok(message) => inbox.send(text(&message))?,
            Err(error) => channel.wait_for_recovery(error).await?,
        }
    }
    Ok(())
}

pub async fn reconnect(arguments: &Arguments) -> Outcome {
    let (publishing, publisher) = connect(arguments, 0).await?;
    let (events, own) = (unique("events"), unique("own"));
    let options = ExchangeDeclareOptions::default();
    let none = FieldTable::default();
    publisher
        .exchange_declare(
            events.as_str().into(),
            ExchangeKind::Direct,
            options,
            none.clone(),
        )
        .await?;
    let properties = ConnectionProperties::default()
        .enable_auto_recover()
        .configure_backoff(|backoff| {
            backoff
                .with_min_delay(Duration::from_millis(50))
                .with_max_times(50)
        });
    let connection = Connection::connect(&arguments.doomed, properties).await?;
    let channel = connection.create_channel().await?;
    let queue = exclusive_queue(&channel, "subscriber").await?;
    declare_exchange(&channel, &own, ExchangeKind::Fanout).await?;
    let (to, from) = (own.as_str().into(), events.as_str().into());
    channel
        .exchange_bind(
            to,
            from,
            "event".into(),
            ExchangeBindOptions::default(),
            none,
        )
        .await?;
    bind(&channel, &queue, &own, "").await?;
    let (sender, mut inbox) = mpsc::unbounded_channel();
    let consumer = tokio::spawn(consume_for_ever(channel.clone(), queue, sender));
    while inbox.is_empty() {
        send(&publisher, &events, "event", "before").await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    close_doomed_connections(arguments).await?;
    // The client puts its queue, bindings and consumer back while this publishes.
    while inbox.recv().await.ok_or("the consumer has ended")? != "after" {
        while inbox.is_empty() {
            send(&publisher, &events, "event", "after").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    consumer.abort();
    connection.close(200, "done".into()).await?;
    publisher
        .exchange_delete(events.into(), ExchangeDeleteOptions::default())
        .await?;
    Ok(publishing.close(200, "done".into()).await?)
}

pub async fn policy(arguments: &Arguments) -> Outcome {
    let (connection, channel) = connect(arguments, 0).await?;
    let queue = unique("limited");
    limit_length(arguments, &queue).await?;
    let options = QueueDeclareOptions::durable();
    declare(&channel, &queue, options, FieldTable::default()).await?;
    let mut acked = Vec::new();
    for n in 0..4 {
        acked.push(send(&channel, "", &queue, &n.to_string()).await?.is_ack());
    }
    expect(
        "publishes that were taken",
        acked,
        vec![true, true, false, false],
    )?;
    expect("messages kept", delete(&channel, &queue).await?, 2)?;
    remove_limit(arguments, &queue).await?;
    Ok(connection.close(200, "done".into()).await?)
}
