//! The deployment manager as a program: the library's own options, the library's own start.
use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut tasks = wadm::start_wadm(wadm::config::WadmConfig::parse()).await?;
    match tasks.join_next().await {
        Some(ended) => ended?,
        None => Ok(()),
    }
}
