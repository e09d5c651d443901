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
    // The page asks nobody else: its policy would not let it.
    Arc::new(config.display_request_duration(true).validator_url("none"))
});

/// The page without a slash at its end, from which its files must be found all the same.
pub(super) async fn front() -> ApiResult {
    let page = find("index.html")?;
    let page =
        String::from_utf8_lossy(&page.bytes).replace("=\"./", "=\"docs/").replace("=\"index.css", "=\"docs/index.css");
    Ok(unchanging("front", answer("text/html; charset=utf-8").body(page)))
}

/// The page.
pub(super) async fn page() -> ApiResult {
    whole("index.html")
}

/// Each of its files.
pub(super) async fn file(Parameter(path): Parameter) -> ApiResult {
    whole(&path)
}

fn whole(path: &str) -> ApiResult {
    let file = find(path)?;
    let charset = if file.content_type.starts_with("text/") { "; charset=utf-8" } else { "" };
    let mut response = answer(&format!("{}{charset}", file.content_type));
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

fn answer(kind: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, kind)).insert_header((CACHE_CONTROL, "no-cache"));
    response
}
