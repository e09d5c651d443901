//! Requests take no field that they do not name.

use utoipa::openapi::{OpenApi, RefOr, Schema, schema::AdditionalProperties};

/// Says so of every schema of a request.
pub(super) fn close(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(Schema::Object(object)) = schema
            && name.ends_with("Request")
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}
