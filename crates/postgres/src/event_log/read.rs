//! Reading the log.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
    dsl::{min, sql},
    pg::Pg,
    sql_types::{BigInt, Bool},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Invalid, OrderId, ProductId, Timestamp, Version,
    event::{Event, EventData, EventId, EventKinds, EventPosition, EventQuery, Located, StockBefore, placed},
    order::Order,
    product::Stock,
};
use uuid::Uuid;

use crate::{
    error::{broken_row, fault},
    order::find_all,
    schema::{event_head, event_log},
    value::read as value,
};

const TABLE: &str = "event_log";

/// How many records are read at once: a record of many orders may have a thousand events.
const RECORDS: i64 = 64;

#[derive(Queryable, Selectable)]
#[diesel(table_name = event_log, check_for_backend(Pg))]
struct Record {
    number: Option<i64>,
    nonce: i64,
    at: Timestamp,
    events: Option<String>,
    orders: Option<Vec<Uuid>>,
    products: Option<Vec<Uuid>>,
    stocks: Option<Vec<i64>>,
    versions: Option<Vec<i64>>,
}

pub(super) async fn read(connection: &mut AsyncPgConnection, query: &EventQuery) -> Result<Vec<Event>, Fault> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let (mut events, mut from) = (Vec::new(), query.after.record);
    loop {
        let records = records(connection, from, query.kinds).await?;
        let last = records.last().and_then(|record| record.number);
        let is_end = i64::try_from(records.len()).is_ok_and(|records| records < RECORDS);
        let ids: Vec<_> = records.iter().filter_map(|record| record.orders.as_deref()).flatten().copied().collect();
        let orders = placed_orders(connection, &ids).await?;
        for record in records {
            let asked = |event: &Event| event.id.position > query.after && query.kinds.contains(event.data.kind());
            events.extend(record.expand(&orders)?.into_iter().filter(asked));
            if events.len() >= limit {
                events.truncate(limit);
                return Ok(events);
            }
        }
        match last {
            Some(last) if !is_end => from = last.saturating_add(1),
            _ => return Ok(events),
        }
    }
}

/// The orders as they were placed.
async fn placed_orders(connection: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<HashMap<OrderId, Order>, Fault> {
    let orders = find_all(connection, ids).await?;
    Ok(orders.into_iter().map(|order| (order.id, order.as_placed())).collect())
}

async fn records(connection: &mut AsyncPgConnection, from: i64, kinds: EventKinds) -> Result<Vec<Record>, Fault> {
    let mut rows = event_log::table.filter(event_log::number.ge(from)).into_boxed();
    if kinds != EventKinds::ALL {
        rows = rows.filter(sql::<Bool>("kinds & ").bind::<BigInt, _>(i64::from(kinds.bits())).sql(" <> 0"));
    }
    let rows = rows.order(event_log::number).limit(RECORDS).select(Record::as_select());
    rows.load(connection).await.map_err(fault)
}

impl Record {
    /// The events of a record, given the orders that were placed.
    fn expand(self, orders: &HashMap<OrderId, Order>) -> Result<Vec<Event>, Fault> {
        let record = self.number.unwrap_or_default();
        let out_of_range = |_| Invalid::new("is out of range");
        let nonce = value(TABLE, "nonce", record, u32::try_from(self.nonce).map_err(out_of_range))?;
        let id = |index| EventId { position: EventPosition { record, index }, nonce };
        if let Some(text) = &self.events {
            let events = value(TABLE, "events", record, entrepot_event_json::from_text(text))?;
            let event = |(index, data)| Event { id: id(index), at: self.at, data };
            return Ok((0..).zip(events).map(event).collect());
        }
        let mut before = self.before(record)?;
        let mut events = Vec::new();
        for order in self.orders.iter().flatten() {
            let order = orders
                .get(&OrderId(*order))
                .ok_or_else(|| broken_row(TABLE, "orders", record, format!("has {order}, which is no order")))?;
            events.extend(placed(order, &mut before).into_iter().map(|data| (order.created_at, data)));
        }
        let event = |(index, (at, data)): (u32, (Timestamp, EventData))| Event { id: id(index), at, data };
        Ok((0..).zip(events).map(event).collect())
    }

    /// The products as they were before the orders were placed.
    fn before(&self, record: i64) -> Result<StockBefore, Fault> {
        let (products, stocks, versions) =
            (self.products.iter().flatten(), self.stocks.iter().flatten(), self.versions.iter().flatten());
        products
            .zip(stocks)
            .zip(versions)
            .map(|((product, stock), version)| {
                let stock = value(TABLE, "stocks", record, Stock::new(*stock))?;
                Ok((ProductId(*product), stock, Version(*version)))
            })
            .collect()
    }
}

pub(super) async fn head(connection: &mut AsyncPgConnection) -> Result<EventPosition, Fault> {
    let last = event_head::table.select(event_head::last).get_result(connection).await.map_err(fault)?;
    Ok(EventPosition::after_record(last))
}

pub(super) async fn locate(connection: &mut AsyncPgConnection, id: EventId) -> Result<Located, Fault> {
    let number = id.position.record;
    let row = event_log::table.filter(event_log::number.eq(number)).select(Record::as_select());
    let record: Option<Record> = row.get_result(connection).await.optional().map_err(fault)?;
    if let Some(record) = record {
        let orders = placed_orders(connection, record.orders.as_deref().unwrap_or_default()).await?;
        let is_there = record.expand(&orders)?.iter().any(|event| event.id == id);
        return Ok(if is_there { Located::Kept } else { Located::Unknown });
    }
    let first: Option<i64> =
        event_log::table.select(min(event_log::number)).get_result(connection).await.map_err(fault)?;
    let first = match first {
        Some(first) => first,
        None => head(connection).await?.record.saturating_add(1),
    };
    Ok(if number > 0 && number < first { Located::Expired } else { Located::Unknown })
}
