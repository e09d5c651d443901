//! What holds for requests: they take no field that they do not name, and their texts are lines or longer.

use utoipa::openapi::{OpenApi, RefOr, Schema, schema::AdditionalProperties};

/// Texts that the schema of a field calls by these names, for none of them can be read: something beside white space and
/// no control characters, and the same over several lines, or nothing at all.
const PATTERNS: [(&str, &str); 2] = [
    ("line", r"^[^\x00-\x1F\x7F-\x9F]*[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$"),
    ("text", r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$"),
];

/// Says so of every schema of a request.
pub(super) fn close(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        if !name.ends_with("Request") {
            continue;
        }
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        for property in object.properties.values_mut() {
            let RefOr::T(Schema::Object(property)) = property else { continue };
            let known = PATTERNS.iter().find(|(name, _)| property.pattern.as_deref() == Some(name));
            if let Some((_, pattern)) = known {
                property.pattern = Some((*pattern).to_owned());
            }
        }
    }
}
