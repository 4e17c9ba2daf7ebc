//! The wasmCloud host as a program, with the flags that the interop tests use.
use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{signal, SignalKind};
use wasmcloud_host::{
    wasmbus::{host_config::PolicyService, Features, Host, HostConfig},
    OciConfig,
};

#[derive(Parser)]
struct Args {
    #[clap(long, default_value = "127.0.0.1")]
    nats_host: String,
    #[clap(long, default_value_t = 4222)]
    nats_port: u16,
    #[clap(long, default_value = "default")]
    lattice: String,
    #[clap(long)]
    host_seed: Option<String>,
    #[clap(long, value_parser = pair)]
    label: Vec<(String, String)>,
    #[clap(long)]
    allow_file_load: bool,
    #[clap(long)]
    allowed_insecure: Vec<String>,
    #[clap(long)]
    policy_topic: Option<String>,
    #[clap(long)]
    policy_changes_topic: Option<String>,
    #[clap(long)]
    secrets_topic: Option<String>,
    #[clap(long)]
    http_admin: Option<SocketAddr>,
    #[clap(long, default_value_t = 30_000)]
    heartbeat_interval_ms: u64,
    #[clap(long)]
    builtins: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("want KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let args = Args::parse();
    let nats = url::Url::parse(&format!("nats://{}:{}", args.nats_host, args.nats_port))?;
    let seed = args.host_seed.as_deref().map(nkeys::KeyPair::from_seed);
    let mut features = Features::new();
    if args.builtins {
        features = features
            .enable_builtin_http_server()
            .enable_builtin_http_client()
            .enable_builtin_messaging_nats();
    }
    let (host, shutdown) = Host::new(HostConfig {
        ctl_nats_url: nats.clone(),
        rpc_nats_url: nats,
        lattice: args.lattice.as_str().into(),
        labels: args.label.into_iter().collect::<HashMap<_, _>>(),
        host_key: seed.transpose().context("host seed")?.map(Arc::new),
        allow_file_load: args.allow_file_load,
        oci_opts: OciConfig {
            allowed_insecure: args.allowed_insecure,
            ..OciConfig::default()
        },
        policy_service_config: PolicyService {
            policy_topic: args.policy_topic,
            policy_changes_topic: args.policy_changes_topic,
            policy_timeout_ms: None,
        },
        secrets_topic_prefix: args.secrets_topic,
        http_admin: args.http_admin,
        heartbeat_interval: Some(Duration::from_millis(args.heartbeat_interval_ms)),
        version: "1.9.2".into(),
        experimental_features: features,
        ..HostConfig::default()
    })
    .await
    .context("the host did not start")?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        stopped = host.stopped() => { stopped?; }
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    drop(host);
    shutdown.await
}
