//! The client lane of lapin (Rust): prints `ok NAME` or `not ok NAME REASON` for each scenario. Its
//! arguments are AMQP_URL MANAGEMENT_URL DOOMED_URL; the last is of a user whose connections it
//! closes through the HTTP API. With LANE_TLS_PORT it shows the scenarios with TLS instead (tls.rs).

mod management;
mod rpc;
mod scenarios;
mod support;
mod tls;

use scenarios as show;
use support::{Arguments, Outcome, WAIT};

fn report(name: &str, outcome: Result<Outcome, tokio::time::error::Elapsed>) {
    let reason = match outcome {
        Ok(Ok(())) => return println!("ok {name}"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "waited in vain".to_string(),
    };
    let words: Vec<&str> = reason.split_whitespace().collect();
    println!("not ok {name} {}", words.join(" "));
}

/// Runs each function of a module under its name, with `-` for `_`.
macro_rules! run_all {
    ($arguments:expr, $module:ident, $($name:ident),* $(,)?) => {
        $(
            let outcome = tokio::time::timeout(WAIT, $module::$name($arguments)).await;
            report(&stringify!($name).replace('_', "-"), outcome);
        )*
    };
}

#[tokio::main]
async fn main() {
    let arguments = &Arguments::from_command_line();
    if tls::is_asked() {
        run_all!(arguments, tls, tls, external);
        return;
    }
    run_all!(
        arguments,
        show,
        rpc_reply_queue,
        rpc_direct_reply_to,
        work_queue_prefetch,
        work_queue_requeue,
        fanout,
        topic,
        confirms_and_returns,
        dead_letter_retry,
        large_body,
        reconnect,
        policy,
    );
}
