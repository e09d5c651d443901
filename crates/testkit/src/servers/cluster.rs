//! A temporary Redis cluster.

use anyhow::{Context, Result};
use tokio::{sync::OnceCell, try_join};

use super::{process::free_port_below, redis::Redis};

/// The distance between the port of a node and its port for the cluster bus.
const BUS_PORT_OFFSET: u16 = 10_000;

/// The number of slots of a cluster.
const SLOTS: usize = 16_384;

/// A Redis cluster of three nodes on free ports of the loopback interface, each with a third of the slots.
///
/// Ends when it is dropped, and with the test process.
pub struct RedisCluster {
    nodes: [Redis; 3],
}

impl RedisCluster {
    /// Starts a cluster, which takes two seconds: for so long the nodes of a cluster accept no writes.
    pub async fn start() -> Result<Self> {
        let (one, two, three) = try_join!(node(), node(), node())?;
        let cluster = Self { nodes: [one, two, three] };
        let mut first = 0;
        for (n, node) in cluster.nodes.iter().enumerate() {
            let end = SLOTS * (n + 1) / cluster.nodes.len();
            let slots: Vec<String> = (first..end).map(|slot| slot.to_string()).collect();
            node.must(&format!("CLUSTER ADDSLOTS {}", slots.join(" "))).await?;
            node.must(&format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1)).await?;
            first = end;
        }
        for (n, node) in cluster.nodes.iter().enumerate() {
            meet(node, cluster.nodes.iter().take(n)).await?;
        }
        for node in &cluster.nodes {
            node.until("CLUSTER INFO", |info| {
                ["cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"].iter().all(|line| info.contains(line))
            })
            .await?;
        }
        Ok(cluster)
    }

    /// Its URL, with all nodes.
    pub fn url(&self) -> String {
        let [one, two, three] = self.nodes.each_ref().map(Redis::port);
        format!("redis-cluster://127.0.0.1:{one}?node=127.0.0.1:{two}&node=127.0.0.1:{three}")
    }

    /// Its nodes.
    pub fn nodes(&mut self) -> &mut [Redis; 3] {
        &mut self.nodes
    }

    /// Starts a replica of a node.
    pub async fn replica(&self, node_of: usize) -> Result<Redis> {
        let (replica, master) = (node().await?, self.nodes.get(node_of).context("no such node")?);
        let (master, own) = (id(master).await?, id(&replica).await?);
        meet(&replica, &self.nodes).await?;
        replica.until("CLUSTER NODES", |nodes| knows(nodes, &master)).await?;
        replica.must(&format!("CLUSTER REPLICATE {master}")).await?;
        replica.until("INFO replication", |info| info.contains("master_link_status:up")).await?;
        for node in &self.nodes {
            node.until("CLUSTER NODES", |nodes| knows(nodes, &own)).await?;
        }
        Ok(replica)
    }
}

/// The ID of a node.
async fn id(node: &Redis) -> Result<String> {
    let answer = node.ask("CLUSTER MYID").await?;
    Ok(answer.lines().nth(1).context("a node without a name")?.to_owned())
}

/// Returns whether a node with this ID is a known member.
fn knows(nodes: &str, id: &str) -> bool {
    nodes.lines().any(|line| line.starts_with(id) && !line.contains("handshake"))
}

async fn node() -> Result<Redis> {
    // Below the ports of outgoing connections, like all others.
    let port = || free_port_below(32_768 - BUS_PORT_OFFSET, BUS_PORT_OFFSET);
    Redis::start_with(&["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0"], port).await
}

async fn meet<'a>(node: &Redis, others: impl IntoIterator<Item = &'a Redis>) -> Result<()> {
    for other in others {
        node.must(&format!("CLUSTER MEET 127.0.0.1 {}", other.port())).await?;
    }
    Ok(())
}

/// The URL of the cluster that the tests of this process share; the first call starts it.
///
/// It is shared, so each test uses its own keys.
pub async fn redis_cluster_url() -> Result<String> {
    static SHARED: OnceCell<RedisCluster> = OnceCell::const_new();
    Ok(SHARED.get_or_try_init(RedisCluster::start).await.context("no Redis cluster for the tests")?.url())
}
