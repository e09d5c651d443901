//! Swagger UI, served from the binary.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
};
use bytes::Bytes;
use entrepot_domain::Fault;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::{
    edge::{Parameter, Unchanging},
    error::{ApiError, ApiResult},
};

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json").persist_authorization(true).try_it_out_enabled(true);
    // The Content-Security-Policy of the page allows no other host.
    Arc::new(config.display_request_duration(true).validator_url("none"))
});

/// The page at `/docs`, whose relative links need `docs/` before them.
pub(super) async fn page_without_slash() -> ApiResult {
    let page = find("index.html")?;
    let page =
        String::from_utf8_lossy(&page.bytes).replace("=\"./", "=\"docs/").replace("=\"index.css", "=\"docs/index.css");
    Ok(unchanging("front", response("text/html; charset=utf-8").body(page)))
}

/// The page at `/docs/`.
pub(super) async fn page() -> ApiResult {
    asset("index.html")
}

/// The files of the page.
pub(super) async fn file(Parameter(path): Parameter) -> ApiResult {
    asset(&path)
}

fn asset(path: &str) -> ApiResult {
    let file = find(path)?;
    let charset = if file.content_type.starts_with("text/") { "; charset=utf-8" } else { "" };
    let mut response = response(&format!("{}{charset}", file.content_type));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    let body = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(unchanging(path, response.body(body)))
}

fn unchanging(file: &str, mut response: HttpResponse) -> HttpResponse {
    response.extensions_mut().insert(Unchanging(format!("docs/{file}")));
    response
}

fn find(path: &str) -> ApiResult<SwaggerFile<'static>> {
    let file = utoipa_swagger_ui::serve(path, CONFIG.clone());
    file.map_err(|error| Fault::unknown(anyhow::anyhow!("{error}")))?.ok_or(ApiError::UnknownPath)
}

fn response(content_type: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, content_type)).insert_header((CACHE_CONTROL, "no-cache"));
    response
}
