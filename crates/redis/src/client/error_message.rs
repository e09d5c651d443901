//! Errors of Redis and fred as an operator reads them.

use fred::error::{Error, ErrorKind};

/// fred's message when no node of a cluster can be reached.
const CLUSTER_UNREACHABLE: &str = "Missing cluster routing state";

/// Explanations of messages that are not clear by themselves; most are caused by a URL of the wrong kind.
const EXPLANATIONS: [(&str, &str); 7] = [
    ("MOVED ", "it is one node of a cluster, whose URL begins with redis-cluster:// or rediss-cluster://"),
    ("cluster support disabled", "it is no cluster: its URL begins with redis:// or rediss://"),
    (CLUSTER_UNREACHABLE, "no node of the cluster can be reached"),
    ("Invalid or missing cluster state", "the cluster has given no slots to its nodes"),
    ("Missing primary address", "the sentinel knows no master with the name in sentinelServiceName"),
    ("unknown command 'SENTINEL'", "it is no sentinel: its URL begins with redis:// or rediss://"),
    ("unknown command 'EVALSHA'", "is it a sentinel? Then its URL begins with redis-sentinel:// or rediss-sentinel://"),
];

/// The error with its explanation, if there is one.
pub(crate) fn error_message(error: &Error) -> String {
    let (kind, details) = (error.kind().to_str(), error.details().trim_end_matches(['.', ' ']));
    match EXPLANATIONS.iter().find(|(words, _)| details.contains(words)) {
        Some((_, explanation)) => format!("{kind}: {details} ({explanation})"),
        None => format!("{kind}: {details}"),
    }
}

/// The URL names a single Redis, but it is one node of a larger cluster.
pub(crate) fn single_node_of_cluster() -> Error {
    Error::new(ErrorKind::Config, "keys would be MOVED to other nodes")
}

/// Whether the error only means that there is no connection to a cluster.
pub(crate) fn is_unconnected(error: &Error) -> bool {
    error.details().starts_with(CLUSTER_UNREACHABLE)
}
