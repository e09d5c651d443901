//! What admins ask of the audit log.

use entrepot_domain::{
    Sort, UserId,
    audit::{AuditAction, AuditFilter, AuditSort},
};
use garde::Validate;
use serde::Deserialize;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::request::{EndOfDay, Field, ListParts, ListQuery, Parsed, StartOfDay, TimeOrDate, is_not_after};

/// Which entries are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditListQuery {
    /// What this user did
    #[garde(dive)]
    #[param(value_type = Option<Uuid>)]
    actor: Field<Option<UserId>>,
    /// Where this was done
    #[garde(dive)]
    #[param(value_type = Option<ActionName>, inline, example = "user.roles_changed")]
    action: Field<Option<AuditAction>>,
    /// What was done to this user, product or order
    #[garde(dive)]
    #[param(value_type = Option<Uuid>)]
    subject: Field<Option<UserId>>,
    /// What was done then or later: RFC 3339, or a date
    #[garde(dive, custom(is_not_after(&self.to)))]
    #[param(value_type = Option<TimeOrDate>, inline, example = "2026-11-01")]
    from: Field<Option<StartOfDay>>,
    /// What was done then or earlier: RFC 3339, or a date, which is meant whole
    #[garde(dive)]
    #[param(value_type = Option<TimeOrDate>, inline, example = "2026-11-30")]
    to: Field<Option<EndOfDay>>,
    /// `-createdAt` or `createdAt`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^-?createdAt$", example = "-createdAt")]
    sort: Field<Option<Sort<AuditSort>>>,
}

impl ListQuery for AuditListQuery {
    type SortField = AuditSort;
    type Filter = AuditFilter;

    fn into_parts(self) -> Parsed<ListParts<AuditFilter, AuditSort>> {
        let filter = AuditFilter {
            actor: self.actor.value()?,
            action: self.action.value()?,
            // Identifiers of all kinds are written alike.
            subject: self.subject.value()?.map(|UserId(id)| id),
            from: self.from.value()?.map(|StartOfDay(from)| from),
            to: self.to.value()?.map(|EndOfDay(to)| to),
        };
        Ok((filter, self.sort.value()?))
    }
}

/// The schema of an [`AuditAction`].
struct ActionName;

impl PartialSchema for ActionName {
    fn schema() -> RefOr<Schema> {
        let names = AuditAction::ALL.iter().map(|action| action.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for ActionName {}
