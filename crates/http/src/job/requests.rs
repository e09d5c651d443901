//! The queries of background jobs.

use entrepot_domain::{
    Sort,
    job::{JobFilter, JobKind, JobSort, JobStatus},
};
use garde::Validate;
use serde::Deserialize;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::request::{Field, ListParts, ListQuery, Parsed};

/// The query of the list of jobs.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct JobListQuery {
    /// Jobs in this status
    #[garde(dive)]
    #[param(value_type = Option<StatusName>, inline, example = "dead")]
    status: Field<Option<JobStatus>>,
    /// Jobs of this kind
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^[a-z][a-z0-9_.]{0,63}$", example = "orders.cancel_unpaid")]
    kind: Field<Option<JobKind>>,
    /// `-createdAt` or `createdAt`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^-?createdAt$", example = "-createdAt")]
    sort: Field<Option<Sort<JobSort>>>,
}

impl ListQuery for JobListQuery {
    type SortField = JobSort;
    type Filter = JobFilter;

    fn into_parts(self) -> Parsed<ListParts<JobFilter, JobSort>> {
        let filter = JobFilter { status: self.status.value()?, kind: self.kind.value()? };
        Ok((filter, self.sort.value()?))
    }
}

/// The schema of a [`JobStatus`].
struct StatusName;

impl PartialSchema for StatusName {
    fn schema() -> RefOr<Schema> {
        let names = JobStatus::ALL.iter().map(|status| status.as_str());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for StatusName {}
