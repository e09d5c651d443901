//! What an operator is told of a failure.

use fred::error::{Error, ErrorKind};

/// What fred says in place of why there is no connection to a cluster.
const UNCONNECTED: &str = "Missing cluster routing state";

/// What it means that Redis or fred says this, where that is not plain: mostly that the URL is of another kind.
const MEANINGS: [(&str, &str); 7] = [
    ("MOVED ", "it is one node of a cluster, whose URL begins with redis-cluster:// or rediss-cluster://"),
    ("cluster support disabled", "it is no cluster: its URL begins with redis:// or rediss://"),
    (UNCONNECTED, "no node of the cluster can be reached"),
    ("Invalid or missing cluster state", "the cluster has given no slots to its nodes"),
    ("Missing primary address", "the sentinel knows of nothing that is called as sentinelServiceName says"),
    ("unknown command 'SENTINEL'", "it is no sentinel: its URL begins with redis:// or rediss://"),
    ("unknown command 'EVALSHA'", "is it a sentinel? Then its URL begins with redis-sentinel:// or rediss-sentinel://"),
];

pub(crate) fn told(error: &Error) -> String {
    let (kind, said) = (error.kind().to_str(), error.details().trim_end_matches(['.', ' ']));
    match MEANINGS.iter().find(|(words, _)| said.contains(words)) {
        Some((_, meaning)) => format!("{kind}: {said} ({meaning})"),
        None => format!("{kind}: {said}"),
    }
}

/// What is to be said of one node of a cluster in place of all.
pub(crate) fn one_of_many() -> Error {
    Error::new(ErrorKind::Config, "keys would be MOVED to other nodes")
}

/// Whether it says only that there is no connection.
pub(crate) fn is_unconnected(error: &Error) -> bool {
    error.details().starts_with(UNCONNECTED)
}
