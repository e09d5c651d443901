//! The public keys of access tokens, for other services.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entrepot_domain::auth::PublicKey;
use serde::Serialize;
use utoipa::ToSchema;

use crate::HttpState;

/// A new key is published at least this long before it signs.
const CACHING: &str = "public, max-age=300";

/// A set of keys (RFC 7517 5).
#[derive(Serialize, ToSchema)]
pub(super) struct Jwks {
    /// The one that signs now comes first. Empty if tokens are signed with a secret.
    keys: Vec<Jwk>,
}

/// A key of Ed25519 (RFC 8037 2).
#[derive(Serialize, ToSchema)]
struct Jwk {
    /// Always `OKP`.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// Always `EdDSA`.
    #[schema(example = "EdDSA")]
    alg: &'static str,
    /// Always `sig`: it is for signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    purpose: &'static str,
    /// The `kid` of its tokens: the thumbprint of the key (RFC 7638).
    #[schema(example = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
    kid: String,
    /// The key, in base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    x: String,
}

impl From<PublicKey> for Jwk {
    fn from(key: PublicKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: key.id,
            x: URL_SAFE_NO_PAD.encode(key.bytes),
        }
    }
}

/// The keys of access tokens
///
/// With them other services verify access tokens: type `at+jwt`, issuer `entrepot`, audience
/// `entrepot-api`. They cannot see that a session has ended; the tokens are short-lived for that.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "getJwks",
    tag = "operations",
    responses((status = 200, description = "All keys that are valid now, as a JWK set.", body = Jwks)),
)]
pub(super) async fn keys(state: web::Data<HttpState>) -> HttpResponse {
    let keys = state.app.auth.public_keys().into_iter().map(Jwk::from).collect();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHING)).json(Jwks { keys })
}
