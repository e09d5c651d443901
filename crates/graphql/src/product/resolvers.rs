//! The fields of products.

use async_graphql::{Context, ID, Object, Result};
use entrepot_application::Error;
use entrepot_domain::{Version, auth::Actor};

use super::{
    requests::{CreateProductInput, ProductList, UpdateProductInput, stock_change},
    types::{Product, ProductConnection},
};
use crate::{
    connection::PartArguments,
    fields::id,
    refusal::{Refusal, refused},
    state::State,
};

/// The queries of products.
#[derive(Default)]
pub(crate) struct ProductQuery;

#[Object]
impl ProductQuery {
    /// A product; for anyone.
    async fn product(&self, ctx: &Context<'_>, #[graphql(name = "id")] product: ID) -> Option<Result<Product>> {
        Some(find(ctx, &product).await)
    }

    /// Products; for anyone.
    #[expect(clippy::too_many_arguments, reason = "arguments of a field")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words that name, sku or description must have")] q: Option<String>,
        #[graphql(desc = "Those that have some left, or those that have not")] in_stock: Option<bool>,
        #[graphql(desc = "The least minor units")] min_price: Option<i64>,
        #[graphql(desc = "The most minor units")] max_price: Option<i64>,
        #[graphql(desc = "`name`, `price`, `sku`, `createdAt`, each with an optional minus")] sort: Option<String>,
        #[graphql(default_with = "Some(20)")] first: Option<i64>,
        after: Option<String>,
    ) -> Result<ProductConnection> {
        let state = State::of(ctx)?;
        let list = ProductList { q, in_stock, min_price, max_price, sort, part: PartArguments { first, after } };
        let query = list.query(state.settings.default_currency, &state.settings.cursor_keys);
        let (query, part) = query.map_err(Refusal::into_error)?;
        ProductConnection::new(&part, state.app.products.list(&query).await.map_err(refused)?)
    }
}

/// The mutations of products.
#[derive(Default)]
pub(crate) struct ProductMutation;

#[Object]
impl ProductMutation {
    /// Puts a product up for sale; for staff.
    async fn create_product(&self, ctx: &Context<'_>, input: CreateProductInput) -> Result<Product> {
        let state = State::of(ctx)?;
        let actor = staff(state)?;
        let product = input.product(state.settings.default_currency).map_err(refused)?;
        Ok(state.app.products.create(actor, product, &state.caller.origin).await.map_err(refused)?.into())
    }

    /// Changes a product; for staff.
    async fn update_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] product: ID,
        input: UpdateProductInput,
        #[graphql(desc = "The version that the change is meant for")] version: Option<i64>,
    ) -> Result<Product> {
        let state = State::of(ctx)?;
        let actor = staff(state)?;
        let (product, change) = (id(&product)?, input.change(state.settings.default_currency).map_err(refused)?);
        let changed = state.app.products.update(actor, product, &change, version.map(Version), &state.caller.origin);
        Ok(changed.await.map_err(refused)?.into())
    }

    /// Takes a product off sale; for staff. Old orders keep it.
    async fn archive_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] product: ID,
        #[graphql(desc = "The version that the change is meant for")] version: Option<i64>,
    ) -> Result<bool> {
        let state = State::of(ctx)?;
        let (actor, product) = (staff(state)?, id(&product)?);
        let archived = state.app.products.archive(actor, product, version.map(Version), &state.caller.origin);
        archived.await.map_err(refused)?;
        Ok(true)
    }

    /// Adds to the stock of a product, or takes from it; for staff.
    async fn adjust_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "id")] product: ID,
        #[graphql(desc = "How many more, or fewer below zero; not zero")] delta: i64,
        #[graphql(desc = "Why, for whoever reads the history")] reason: String,
    ) -> Result<Product> {
        let state = State::of(ctx)?;
        let (actor, product) = (staff(state)?, id(&product)?);
        let (delta, reason) = stock_change(delta, &reason).map_err(refused)?;
        let changed = state.app.products.adjust_stock(actor, product, delta, reason, None, &state.caller.origin);
        Ok(changed.await.map_err(refused)?.into())
    }
}

/// A field that may be null is an `Option<Result>`: with a `Result<Option>` an error would make its parent null.
async fn find(ctx: &Context<'_>, product: &ID) -> Result<Product> {
    let state = State::of(ctx)?;
    Ok(state.app.products.get(id(product)?).await.map_err(refused)?.into())
}

/// The use case decides this again; asked here too, a customer is told so rather than what is wrong with the input.
fn staff(state: &State) -> Result<&Actor> {
    let actor = state.actor()?;
    if actor.is_staff() { Ok(actor) } else { Err(refused(Error::Forbidden)) }
}
