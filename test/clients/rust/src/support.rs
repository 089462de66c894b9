//! What the scenarios share: the lane's arguments, names, expectations, and short forms of lapin's
//! calls.

use futures_lite::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use lapin::{ExchangeKind, PublisherConfirm};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub const WAIT: Duration = Duration::from_secs(20);

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome = Result<(), Failure>;

pub struct Arguments {
    pub amqp: String,
    pub management: String,
    pub doomed: String,
}

impl Arguments {
    pub fn from_command_line() -> Self {
        let mut words = std::env::args().skip(1);
        let mut next = || {
            words
                .next()
                .expect("AMQP_URL MANAGEMENT_URL DOOMED_URL are given")
        };
        Arguments {
            amqp: next(),
            management: next(),
            doomed: next(),
        }
    }
}

pub fn expect<Value: PartialEq + Debug>(what: &str, actual: Value, expected: Value) -> Outcome {
    if actual == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, got {actual:?}").into())
}

pub fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("lane.{what}.{}.{count}", std::process::id())
}

/// A connection and a confirming channel on it; a prefetch of 0 is without limit.
pub async fn connect(
    arguments: &Arguments,
    prefetch: u16,
) -> Result<(Connection, Channel), Failure> {
    let connection = Connection::connect(&arguments.amqp, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok((connection, channel))
}

pub async fn declare(
    channel: &Channel,
    queue: &str,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> Result<u32, Failure> {
    let declared = channel
        .queue_declare(queue.into(), options, arguments)
        .await?;
    Ok(declared.message_count())
}

/// A queue that lives as long as the channel's connection.
pub async fn exclusive_queue(channel: &Channel, what: &str) -> Result<String, Failure> {
    let name = unique(what);
    let options = QueueDeclareOptions::exclusive();
    declare(channel, &name, options, FieldTable::default()).await?;
    Ok(name)
}

pub async fn durable_queue(channel: &Channel, what: &str) -> Result<String, Failure> {
    let name = unique(what);
    let options = QueueDeclareOptions::durable();
    declare(channel, &name, options, FieldTable::default()).await?;
    Ok(name)
}

/// Ready messages of a durable queue.
pub async fn message_count(channel: &Channel, queue: &str) -> Result<u32, Failure> {
    let options = QueueDeclareOptions::durable().passive();
    declare(channel, queue, options, FieldTable::default()).await
}

/// Deletes a queue; returns how many messages were in it.
pub async fn delete(channel: &Channel, queue: &str) -> Result<u32, Failure> {
    let options = QueueDeleteOptions::default();
    Ok(channel.queue_delete(queue.into(), options).await?)
}

pub async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Outcome {
    let options = ExchangeDeclareOptions {
        auto_delete: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name.into(), kind, options, FieldTable::default())
        .await?;
    Ok(())
}

pub async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Outcome {
    let options = QueueBindOptions::default();
    let none = FieldTable::default();
    channel
        .queue_bind(queue.into(), exchange.into(), key.into(), options, none)
        .await?;
    Ok(())
}

pub async fn consume(channel: &Channel, queue: &str, no_ack: bool) -> Result<Consumer, Failure> {
    let options = BasicConsumeOptions {
        no_ack,
        ..BasicConsumeOptions::default()
    };
    let none = FieldTable::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, none);
    Ok(consumer.await?)
}

pub async fn next(consumer: &mut Consumer) -> Result<Delivery, Failure> {
    Ok(consumer.next().await.ok_or("the consumer has ended")??)
}

pub fn text(message: &Delivery) -> String {
    String::from_utf8_lossy(&message.data).into_owned()
}

/// Publishes as mandatory; the result resolves when the broker confirms.
pub async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<PublisherConfirm, Failure> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let confirm = channel.basic_publish(exchange.into(), key.into(), options, body, properties);
    Ok(confirm.await?)
}

/// The same for a text, waiting for the confirm.
pub async fn send(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &str,
) -> Result<Confirmation, Failure> {
    let properties = BasicProperties::default();
    let confirm = publish(channel, exchange, key, body.as_bytes(), properties).await?;
    Ok(confirm.await?)
}

/// The count of the entry of x-death for a queue and a reason.
pub fn death_count(message: &Delivery, queue: &str, reason: &str) -> Result<i64, Failure> {
    let headers = message.properties.headers().clone().unwrap_or_default();
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else {
        return Ok(0);
    };
    for death in deaths.as_slice() {
        let AMQPValue::FieldTable(fields) = death else {
            return Err(format!("an x-death entry is {death:?}").into());
        };
        let field = |name: &str| fields.inner().get(name).cloned();
        let is = |name: &str, word: &str| field(name) == Some(AMQPValue::LongString(word.into()));
        if is("queue", queue) && is("reason", reason) {
            return match field("count") {
                Some(AMQPValue::LongLongInt(count)) => Ok(count),
                other => Err(format!("the count of x-death is {other:?}").into()),
            };
        }
    }
    Ok(0)
}
