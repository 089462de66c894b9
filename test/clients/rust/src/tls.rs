//! The scenarios with TLS, which are shown instead of the others when the lane is told of a port and
//! of files: the authority that is trusted, and a certificate to log in by.

use crate::support::*;
use lapin::runtime::default_runtime;
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use sha2::{Digest, Sha256};
use std::fs;

const BODY_BYTES: u32 = 1 << 20;

fn variable(name: &str) -> Result<String, Failure> {
    Ok(std::env::var(format!("LANE_TLS_{name}"))?)
}

pub fn is_asked() -> bool {
    variable("PORT").is_ok()
}

pub async fn tls(_arguments: &Arguments) -> Outcome {
    let url = format!("amqps://guest:guest@localhost:{}", variable("PORT")?);
    send_and_receive(&url, None).await
}

pub async fn external(_arguments: &Arguments) -> Outcome {
    let url = format!(
        "amqps://localhost:{}/%2f?auth_mechanism=external",
        variable("PORT")?
    );
    let identity = OwnedIdentity::PKCS8 {
        pem: fs::read(variable("CERT")?)?,
        key: fs::read(variable("KEY")?)?,
    };
    send_and_receive(&url, Some(identity)).await
}

async fn send_and_receive(url: &str, identity: Option<OwnedIdentity>) -> Outcome {
    let config = OwnedTLSConfig {
        identity,
        cert_chain: Some(fs::read_to_string(variable("CA")?)?),
    };
    let options = ConnectionProperties::default();
    let runtime = default_runtime()?;
    let connection = Connection::connect_with_config(url, options, config, runtime).await?;
    let channel = connection.create_channel().await?;
    let queue = exclusive_queue(&channel, "secure").await?;
    let mut inbox = consume(&channel, &queue, true).await?;
    let body: Vec<u8> = (0..BODY_BYTES).map(|n| (n % 251) as u8).collect();
    publish(&channel, "", &queue, &body, BasicProperties::default()).await?;
    let message = next(&mut inbox).await?;
    expect("its digest", Sha256::digest(&message.data), Sha256::digest(&body))?;
    connection.close(200, "done".into()).await?;
    Ok(())
}
